"""The page about the face model states the figures of its card."""

from shipped_cards import load_card


def test_the_page_states_the_figures_of_the_card(repository):
    page = (repository / "docs" / "face_model.md").read_text(encoding="utf-8")
    card = load_card("face_model")
    size, metrics = card["size"], card["metrics"]
    for figure in (
        f"{size['vertices']:,} vertices, {size['triangles']:,} triangles",
        f"| identity | {size['identity_modes']} modes",
        f"| expressions | {size['expressions']} blendshapes",
        f"| albedo | {size['albedo_modes']} modes",
        f"{metrics['identity_samples']} random samples: RMS distance | {metrics['identity_rms_mm']:.3f} mm",
        f"| the worst of them | {metrics['identity_worst_rms_mm']:.3f} mm",
        f"| worst of the expressions | {metrics['expression_worst_rms_mm']:.3f} mm",
        f"| overlapping triangles in the texture | {metrics['uv_overlaps']} |",
        f"| asymmetry of the mean | {metrics['asymmetry_mm']:g} mm",
        *_closing_rows(metrics),
    ):
        assert figure in page
    assert metrics["folded_triangles"] == {}


def _closing_rows(metrics):
    closure, rewritten = metrics["closure"], metrics["rewritten_rms_mm"]
    clearance_mm = min(closure["ball_clearance_mm"])
    return (
        f"{closure['samples']} drawn identities",
        f"| largest distance between the lids' edges in a blink | {max(closure['lid_gap_mm']):.2f} mm |",
        f"| least distance of eyeball and lids, weights 0 to 1 | {clearance_mm:.2f} mm |",
        f"| largest gap between the lips at rest | {closure['lip_gap_mm']:.2f} mm |",
        f"| the same with `jawOpen` and `mouthClose` at 1 | {closure['closed_gap_mm']:.2f} mm |",
        f"| how far lips pass through each other | {closure['lip_overlap_mm']:.2f} mm |",
        f"blinks ({max(rewritten['eyeBlinkLeft'], rewritten['eyeBlinkRight']):.2f} mm)",
        f"`mouthClose` ({rewritten['mouthClose']:.2f} mm)",
    )
