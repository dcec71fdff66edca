"""The page about the face model states the figures of its card."""

from monoface.core.assets import load_card


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
    ):
        assert figure in page
    assert metrics["folded_triangles"] == {}
