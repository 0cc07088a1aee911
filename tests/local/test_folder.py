"""The data folder: what is emptied, what is kept, who may have it."""

import stat
from pathlib import Path

import pytest

from payments_project.local import engines, secret_values
from payments_project.local.folder import DataFolder, read_env, write_env
from payments_project.local.ports import is_free, remembered_port
from payments_project.local.terminal import Problem


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    return made


def test_a_folder_of_others_is_neither_taken_nor_emptied(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    foreign = DataFolder(tmp_path)
    with pytest.raises(Problem, match="not a data folder"):
        foreign.make()
    foreign.empty()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("place", ["thesis.txt", "thesis.txt/data"])
def test_a_file_in_the_folders_place_is_told(tmp_path: Path, place: str):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(Problem, match=r"thesis\.txt is a file, and no folder") as problem:
        DataFolder.named(str(tmp_path / place))
    assert problem.value.hint == "Name another one with --data."


def test_what_to_paste_names_the_folder_unless_it_is_the_usual_one():
    assert DataFolder.named(".local").option == ""
    assert DataFolder.named(".local-two").option == " --data .local-two"
    assert DataFolder.named(".local two").option == " --data '.local two'"


def test_emptying_removes_all_but_the_marker_and_the_lock(folder: DataFolder):
    (folder.path / "postgres" / "base").mkdir(parents=True)
    folder.write("credentials.json", {"test_key": "sk_test"})
    lock = folder.lock()
    folder.empty()
    assert sorted(entry.name for entry in folder.path.iterdir()) == [
        ".payments-data",
        "lock",
        "logs",
    ]
    assert lock is not None


def test_emptying_follows_no_link_out_of_the_folder(folder: DataFolder, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (folder.path / "postgres").symlink_to(outside)
    folder.empty()
    assert (outside / "kept").exists()


def test_a_second_start_on_the_folder_is_refused_and_told_where_the_first_is(folder: DataFolder):
    lock = engines.take(folder)
    folder.write(engines.RUN_FILE, {"url": "http://127.0.0.1:8123", "children": []})
    with pytest.raises(Problem, match=r"runs already at http://127\.0\.0\.1:8123"):
        engines.take(folder)
    lock.release()
    engines.take(folder).release()


def test_secrets_are_made_once_and_only_their_owner_reads_them(folder: DataFolder):
    first = secret_values.complete({})
    write_env(folder.env_file, first)
    assert secret_values.complete(read_env(folder.env_file)) == first
    assert stat.S_IMODE(folder.env_file.stat().st_mode) == 0o600
    assert len(first["SECRET_KEY"]) == 64
    assert first["VAULT_KEYS"] != first["PII_KEYS"]


def test_customers_of_a_folder_without_a_ring_of_their_own_stay_readable():
    old = secret_values.complete({})
    del old["PII_KEYS"]

    assert secret_values.complete(old)["PII_KEYS"] == old["VAULT_KEYS"]


def test_a_file_that_was_cut_short_counts_as_missing(folder: DataFolder):
    (folder.path / "run.json").write_text('{"supervisor": {"pid":')
    assert folder.read("run.json") == {}
    assert engines.mend(folder) == []


def test_a_port_is_kept_over_restarts_and_changed_only_when_taken(folder: DataFolder):
    import socket

    port = remembered_port(folder, "postgres")
    assert remembered_port(folder, "postgres") == port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert not is_free(port)
        assert remembered_port(folder, "postgres") != port
