"""The table of sources: who is held out, and what packs are of."""

import numpy as np
import pytest

from monoface.core.errors import DataError
from monoface.data.sources import Aflw, Cfp, Fasseg, Ytf
from monoface.data.sources.fasseg import FRONTAL_SET
from monoface.data.sources.registry import (
    SOURCES,
    held_out_aflw,
    held_out_cfp,
    held_out_fasseg,
    held_out_ytf,
    is_restricted,
    open_source,
    terms_by_source,
)


def without_files(kind, **labels):
    """A source of a kind that has some labels and nothing else."""
    source = kind.__new__(kind)
    vars(source).update(labels)
    return source


def test_held_out_by_hand():
    people = without_files(Ytf, person=np.array([5, 5, 1, 2, 3, 3, 9]))
    # The people in order are 1, 2, 3, 5, 9: the first and the fourth are held out.
    assert held_out_ytf(people, 3).tolist() == [True, True, True, False, False, False, False]
    assert held_out_aflw(without_files(Aflw, splits=("train", "val"))).tolist() == [False, True]
    cfp = without_files(Cfp, person=np.array([339, 340, 399, 400]))
    assert held_out_cfp(cfp).tolist() == [False, True, True, False]


def test_photos_of_the_frontal_set_are_of_no_last_person():
    fasseg = without_files(Fasseg, person=np.array([FRONTAL_SET, 1, 2, 3, 2]))
    assert held_out_fasseg(fasseg, 2).tolist() == [False, False, True, True, True]


def test_unknown_sources_are_refused_with_those_there_are(tmp_path):
    with pytest.raises(DataError, match="source cfp: expected one of omi, lfw"):
        open_source("cfp", tmp_path, ("omi", "lfw"))


def test_every_source_has_terms_of_its_own():
    terms = [entry.terms for entry in SOURCES.values()]
    assert len({*terms}) == len(terms)
    assert [name for name, entry in SOURCES.items() if not is_restricted(entry.terms)] == ["portraits_cc0"]


def test_packs_have_the_terms_of_their_source_unless_they_state_others():
    found = terms_by_source({"aflw": "", "aflw_turned": "", "lfw": "Mine.", "heads": "", "holiday": ""})
    assert list(found) == ["aflw", "lfw", "heads", "holiday"]
    assert found["aflw"] == SOURCES["aflw"].terms
    assert found["lfw"] == "Mine."
    assert found["heads"].startswith("Synthetic heads")
    assert found["holiday"] == "Photos of the user's own (holiday), for which no terms are stated."
