"""Results of the shipped weights are those of stored golden files, to float rounding.

    python -m pytest tests/golden --update-golden

writes the files anew: all of them, or those of the weights that `-k` selects (`-k monoface` after these
weights were trained again). Look at the difference before you commit it: whoever refactors must see none.
The pictures are made from `examples/astronaut.png`; the files hold rounded and thinned-out numbers only.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from golden_digest import PROCESSOR, differences, glb_digest, pictures, processor, report_digest, to_text
from PIL import Image

from monoface.pipeline import Reconstructor, ReconstructorConfig, reconstruct_together

_FOLDER = Path(__file__).parent
# Small textures: the size of a texture has no part in what is tested.
_PLAIN = ReconstructorConfig(texture_size=256)
# What is told to the reconstructor besides the weights, and which pictures it sees, one by one or together.
_CASES = {
    "pretrain": (replace(_PLAIN, weights="pretrain"), ("upright", "mirrored", "turned", "grey_crop", "pair")),
    "twodasl": (replace(_PLAIN, weights="twodasl"), ("upright", "mirrored", "turned", "grey_crop", "pair")),
    "mgcnet": (replace(_PLAIN, weights="mgcnet"), ("upright", "mirrored", "turned", "grey_crop", "pair")),
    "mgcnet_detail": (replace(_PLAIN, weights="mgcnet", detail="detail"), ("upright",)),
    "pretrain_pinhole": (replace(_PLAIN, weights="pretrain", field_of_view_deg=40), ("turned",)),
    "twodasl_together": (replace(_PLAIN, weights="twodasl"), ("upright+turned+grey_crop",)),
    "monoface": (_PLAIN, ("upright", "mirrored", "turned", "grey_crop", "pair")),
    "monoface_together": (_PLAIN, ("upright+turned+grey_crop",)),
}


def _digests(config, shown, photo, folder):
    """Digest of the report and of each GLB file, by picture."""
    reconstructor = Reconstructor(config)
    made = pictures(photo)
    found = {}
    for name in shown:
        if "+" in name:
            result = reconstruct_together([made[part] for part in name.split("+")], reconstructor)
            faces = (result.face,)
        else:
            result = reconstructor.reconstruct(made[name])
            faces = result.faces
        result.save(folder / f"{name}.json")
        found[f"{name}.json"] = report_digest(folder / f"{name}.json")
        for number, face in enumerate(faces):
            path = folder / f"{name}.face{number}.glb"
            face.save(path)
            found[path.name] = glb_digest(path)
    return found


@pytest.mark.parametrize("case", _CASES)
def test_results_are_the_golden_ones(case, request, repository, tmp_path):
    config, shown = _CASES[case]
    photo = Image.open(repository / "examples" / "astronaut.png")
    found = _digests(replace(config, weights=case.partition("_")[0]), shown, photo, tmp_path)
    path = _FOLDER / f"{case}.json"
    if request.config.getoption("--update-golden"):
        path.write_text(to_text({PROCESSOR: {"kind": processor()}} | found), encoding="utf-8")
    golden = json.loads(path.read_text(encoding="utf-8"))
    elsewhere = golden.pop(PROCESSOR)["kind"] != processor()
    assert found.keys() == golden.keys()
    lines = [
        f"{name}: {line}"
        for name in golden
        for line in differences(golden[name], found[name], elsewhere=elsewhere)
    ]
    assert not lines, "\n".join(lines[:40])


def test_golden_files_are_small():
    retrained = set(_FOLDER.glob("monoface*.json"))
    assert sum(path.stat().st_size for path in set(_FOLDER.glob("*.json")) - retrained) < 250_000


def test_differences_are_seen():
    golden = {"landmarks": [1.0, 200.0], "texture0": [10.0], "name": "a", "count": 3}
    assert differences(golden, golden | {"landmarks": [1.01, 200.0], "texture0": [10.05]}) == []
    assert differences(golden, golden | {"landmarks": [1.05, 200.0]}) == [
        "landmarks: differs by 0.05, allowed 0.02"
    ]
    assert differences(golden, golden | {"landmarks": [1.07, 200.0]}, elsewhere=True) == []
    assert len(differences(golden, golden | {"landmarks": [1.12, 200.0]}, elsewhere=True)) == 1
    assert len(differences(golden, {"landmarks": [1.0], "texture0": [11.0], "name": "b"})) == 4
