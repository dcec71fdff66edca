import os
import threading
from pathlib import Path

import pytest

from monoface.core.errors import MonofaceError, OutputExistsError
from monoface.core.files import refuse_existing, write_atomically


def test_bytes_arrive_in_a_new_folder(tmp_path):
    path = tmp_path / "a" / "b" / "result.bin"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"


def test_a_function_may_write_the_content(tmp_path):
    path = tmp_path / "result.bin"
    write_atomically(path, lambda file: file.writelines((b"one ", b"two")))
    assert path.read_bytes() == b"one two"


def test_an_existing_file_is_kept_and_the_refusal_says_what_to_do(tmp_path):
    path = tmp_path / "result.bin"
    write_atomically(path, b"old")
    with pytest.raises(OutputExistsError, match=r"result\.bin.*expected no file.*Allow overwriting"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert issubclass(OutputExistsError, MonofaceError)


def test_an_existing_file_is_replaced_when_asked(tmp_path):
    path = tmp_path / "result.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_half_way_leaves_nothing_new(tmp_path, overwrite, failure):
    path = tmp_path / "result.bin"
    if overwrite:
        path.write_bytes(b"old")

    def fail_half_way(file):
        file.write(b"half")
        raise failure

    with pytest.raises(type(failure)):
        write_atomically(path, fail_half_way, overwrite=overwrite)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == (
        [("result.bin", b"old")] if overwrite else []
    )


def test_a_file_that_appears_while_we_write_is_not_replaced(tmp_path):
    path = tmp_path / "result.bin"

    def be_overtaken(file):
        file.write(b"ours")
        path.write_bytes(b"theirs")

    with pytest.raises(OutputExistsError):
        write_atomically(path, be_overtaken)
    assert path.read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_readers_never_see_a_part_of_the_file(tmp_path):
    path = tmp_path / "result.bin"
    contents = [bytes([letter]) * 300_000 for letter in b"ab"]
    write_atomically(path, contents[0])
    done = threading.Event()

    def rewrite():
        for turn in range(50):
            write_atomically(path, contents[turn % 2], overwrite=True)
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(path.read_bytes())
    writer.join()
    assert seen <= set(contents)


def test_the_file_has_the_permissions_that_the_user_gives_new_files(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.write_bytes(b"")
    path = tmp_path / "result.bin"
    write_atomically(path, b"content")
    assert os.stat(path).st_mode == os.stat(ordinary).st_mode


def test_any_of_several_outputs_that_exists_is_refused(tmp_path):
    (tmp_path / "second").touch()
    refuse_existing(tmp_path / "first")
    with pytest.raises(OutputExistsError, match="second"):
        refuse_existing(tmp_path / "first", tmp_path / "second")


def test_a_dangling_link_counts_as_existing(tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputExistsError):
        write_atomically(link, b"content")


def test_names_as_long_as_the_file_system_allows_are_fine(tmp_path):
    path = tmp_path / ("n" * 251 + ".bin")
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("links", [True, False])
def test_of_many_that_write_one_file_at_once_one_gets_it(tmp_path, monkeypatch, links):
    path = tmp_path / "result.bin"
    ready = threading.Barrier(8)
    outcomes = []
    if not links:
        # As file systems of memory cards say it.
        def no_links(*names):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr("monoface.core.files.os.link", no_links)

    def write(number):
        def content(file):
            file.write(b"%d" % number)
            ready.wait()

        try:
            write_atomically(path, content)
            outcomes.append(number)
        except OutputExistsError:
            outcomes.append(None)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    [winner] = [outcome for outcome in outcomes if outcome is not None]
    assert path.read_bytes() == b"%d" % winner
    assert len(list(tmp_path.iterdir())) == 1


def test_text_that_no_encoding_knows_is_written_as_escapes(tmp_path):
    write_atomically(tmp_path / "text", os.fsdecode(b"\xe9 ") + "é")
    assert (tmp_path / "text").read_bytes() == b"\\udce9 " + "é".encode()
