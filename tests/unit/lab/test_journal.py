"""What the lab makes of the agents' journal."""

from pathlib import Path

from lab.namespaces.journal import double_starts, read, starts


def journal(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "journal"
    path.write_text(text)
    return path


def test_a_start_after_the_other_node_lost_its_power_is_fine(tmp_path: Path) -> None:
    entries = read(
        journal(
            tmp_path,
            "1.00 n1 web start-begin\n1.10 n1 web start-end\n2.00 n1 - power-off\n"
            "3.00 n2 web start-begin\n3.10 n2 web start-end\n",
        )
    )
    assert double_starts(entries) == []
    assert starts(entries, "web") == ["n1", "n2"]


def test_a_start_while_another_node_has_the_resource_is_found(tmp_path: Path) -> None:
    entries = read(journal(tmp_path, "1.00 n1 web start-begin\n1.05 n2 web start-begin\n"))
    assert double_starts(entries) == ["1.05: web starts on n2 while n1 has it"]


def test_a_stop_that_failed_leaves_the_resource_where_it_was(tmp_path: Path) -> None:
    entries = read(
        journal(
            tmp_path,
            "1.00 n1 web start-begin\n2.00 n1 web stop-begin\n2.10 n1 web stop-fault\n3.00 n2 web start-begin\n",
        )
    )
    assert double_starts(entries) == ["3.00: web starts on n2 while n1 has it"]
