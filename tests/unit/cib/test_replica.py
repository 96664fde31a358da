"""What replicas do for each other: one order of writes, acknowledgement, catching up, exactly once."""

from collections import deque

from cib.acknowledgement import vote_change_problem
from cib.replica_events import RoleChanged
from cib.requests import Request
from cib.settings import add_node
from tests.unit.cib.replicas import Cluster, count_up, has, resource


def started(*names: str) -> Cluster:
    cluster = Cluster(*names)
    cluster.form(names[0], *names[1:])
    cluster.run()
    return cluster


def test_a_write_at_any_node_goes_to_the_dc_and_reaches_all() -> None:
    cluster = started("n1", "n2", "n3")
    write = cluster.write("n3", resource("vip"))
    cluster.run()
    outcome = cluster.outcome("n3", write)
    assert outcome is not None
    assert (outcome.rc, outcome.kept_on, outcome.members) == (0, 2, 3)
    assert set(cluster.versions().values()) == {"0.1.0"}
    assert len(cluster.digests()) == 1


def test_a_configuration_change_waits_for_a_majority_of_disks() -> None:
    cluster = started("n1", "n2", "n3")
    for node in cluster.nodes.values():
        node.disk_is_slow = True
    write = cluster.write("n1", resource("vip"))
    cluster.run()
    assert has(cluster["n3"], "vip")
    assert cluster.outcome("n1", write) is None
    cluster.persist("n1")
    cluster.run()
    assert cluster.outcome("n1", write) is None
    cluster.persist("n3")
    cluster.run()
    assert cluster.outcome("n1", write) is not None


def test_without_a_majority_of_votes_every_member_must_keep_a_change() -> None:
    cluster = Cluster("n1", "n2")
    cluster.form("n1", "n2", majority=False)
    cluster.run()
    cluster["n2"].disk_is_slow = True
    write = cluster.write("n1", resource("vip"))
    cluster.run()
    assert cluster.outcome("n1", write) is None
    cluster.persist("n2")
    cluster.run()
    outcome = cluster.outcome("n1", write)
    assert outcome is not None
    assert (outcome.rc, outcome.kept_on) == (0, 2)


def test_a_status_update_is_answered_without_any_disk() -> None:
    cluster = started("n1", "n2", "n3")
    for node in cluster.nodes.values():
        node.disk_is_slow = True
    write = cluster.write("n2", count_up())
    cluster.run()
    outcome = cluster.outcome("n2", write)
    assert outcome is not None
    assert (outcome.rc, outcome.kept_on) == (0, 0)
    assert not any(node.persists for node in cluster.nodes.values())


def test_writes_that_arrive_together_become_one_patch() -> None:
    cluster = started("n1", "n2")
    before = cluster["n2"].patches
    for _ in range(20):
        cluster.write("n1", count_up())
    cluster.run()
    assert cluster["n2"].patches == before + 1
    assert cluster.versions() == {"n1": "0.0.20", "n2": "0.0.20"}


def test_a_turn_is_bounded_by_what_its_writes_cost() -> None:
    cluster = started("n1")
    for _ in range(400):
        cluster.write("n1", count_up())
    cluster.fire()
    assert cluster.versions()["n1"] == "0.0.256"
    cluster.run()
    assert cluster.versions()["n1"] == "0.0.400"
    for number in range(100):
        cluster.write("n1", resource(f"r{number}"))
    cluster.fire()
    assert cluster.versions()["n1"] == "0.52.0"


def test_one_bad_write_of_a_batch_does_not_hurt_the_others() -> None:
    cluster = started("n1", "n2")
    good = cluster.write("n1", count_up())
    bad = cluster.write("n1", Request("modify", section="nodes", xml=b'<node id="nobody"/>'))
    also_good = cluster.write("n1", resource("vip"))
    cluster.run()
    outcomes = [cluster.outcome("n1", write) for write in (good, bad, also_good)]
    assert [outcome.rc if outcome else None for outcome in outcomes] == [0, 105, 0]
    assert len(cluster.digests()) == 1


def test_many_changes_share_one_write_to_disk() -> None:
    cluster = started("n1", "n2", "n3")
    cluster["n1"].disk_is_slow = True
    writes = [cluster.write("n1", resource(f"r{number}")) for number in range(5)]
    cluster.run()
    assert cluster.persist("n1")
    assert cluster.persist("n1")
    assert not cluster.persist("n1")
    cluster.run()
    assert all(cluster.outcome("n1", write) is not None for write in writes)


def test_configuration_is_refused_without_quorum_unless_forced() -> None:
    cluster = Cluster("n1", "n2", "n3")
    cluster.form("n1", writes=False)
    refused = cluster.write("n1", resource("vip"))
    cluster.run()
    outcome = cluster.outcome("n1", refused)
    assert outcome is not None
    assert outcome.rc == 106
    assert "no quorum" in outcome.text
    assert cluster.versions()["n1"] == "0.0.0"
    forced = cluster.write("n1", resource("vip"), force=True)
    cluster.run()
    outcome = cluster.outcome("n1", forced)
    assert outcome is not None
    assert outcome.rc == 0
    assert has(cluster["n1"], "vip")


def test_a_vote_for_an_absent_node_is_refused_with_the_reason_and_can_be_forced() -> None:
    """One node can't be a majority of two, so every later change needs force, too, until the other node is there."""
    cluster = Cluster("n1")
    cluster.form("n1")
    entered = [cluster.write("n1", add_node("n1", "n1"))]
    cluster.run()
    writes = [
        cluster.write("n1", add_node("n2", "n2")),
        cluster.write("n1", add_node("n2", "n2"), force=True),
        cluster.write("n1", resource("vip")),
        cluster.write("n1", resource("vip"), force=True),
    ]
    cluster.run()
    outcomes = [outcome for write in [*entered, *writes] if (outcome := cluster.outcome("n1", write)) is not None]
    assert [(outcome.rc == 0, outcome.kept_on) for outcome in outcomes] == [
        (True, 1), (False, 0), (True, 1), (False, 0), (True, 1),
    ]  # fmt: skip
    for refused in (outcomes[1], outcomes[3]):
        assert "2 of n1, n2 must keep it, and these can't: n2 (it is not in this partition)" in refused.text
    assert has(cluster["n1"], "vip")


def test_status_is_written_without_quorum_too() -> None:
    cluster = Cluster("n1", "n2", "n3")
    cluster.form("n1", writes=False)
    write = cluster.write("n1", count_up())
    cluster.run()
    outcome = cluster.outcome("n1", write)
    assert outcome is not None
    assert outcome.rc == 0


def test_a_node_that_comes_late_asks_for_the_whole_document() -> None:
    cluster = Cluster("n1", "n2", "n3")
    cluster.form("n1", "n2")
    cluster.write("n1", resource("vip"))
    cluster.run()
    cluster.form("n1", "n2", "n3")
    cluster.run()
    assert has(cluster["n3"], "vip")
    assert len(cluster.digests()) == 1
    assert not cluster["n3"].kept_aside


def test_a_write_is_carried_out_once_although_the_dc_changes_before_it_answers() -> None:
    cluster = started("n1", "n2", "n3")
    write = cluster.write("n3", count_up())
    cluster.deliver("n3", "n1")
    cluster.fire()
    cluster.deliver("n1", "n2")
    cluster.crash("n1")
    cluster.form("n2", "n3")
    cluster.run(for_ms=10_000)
    assert cluster.outcome("n3", write) is not None
    value = cluster["n2"].replica.document.find(
        "/cib/status/node_state[@id='n1']/transient_attributes[@id='n1']/instance_attributes[@id='s']/nvpair[@id='x']"
    )
    assert value is not None
    assert value.get("value") == "value++"
    assert {cluster.versions()[name] for name in ("n2", "n3")} == {"0.0.1"}


def test_a_write_that_died_with_the_dc_is_carried_out_by_the_next_one() -> None:
    cluster = started("n1", "n2", "n3")
    write = cluster.write("n3", resource("vip"))
    cluster.crash("n1")
    cluster.form("n2", "n3")
    cluster.run(for_ms=10_000)
    outcome = cluster.outcome("n3", write)
    assert outcome is not None
    assert outcome.rc == 0
    assert has(cluster["n2"], "vip")


def test_without_a_dc_a_write_ends_with_a_timeout_that_says_so() -> None:
    cluster = Cluster("n1")
    cluster.give("n1", RoleChanged("none"))
    write = cluster.write("n1", count_up())
    cluster.run(for_ms=31_000)
    outcome = cluster.outcome("n1", write)
    assert outcome is not None
    assert outcome.rc == 124
    assert "no DC" in outcome.text


def test_a_patch_of_an_earlier_dc_is_ignored() -> None:
    cluster = started("n1", "n2", "n3")
    cluster.write("n1", resource("old"))
    cluster.fire()
    late = cluster.links[("n1", "n2")].popleft()
    cluster.form("n3", "n2")
    cluster.run()
    cluster.links[("n1", "n2")] = deque([late])
    cluster.run()
    assert not has(cluster["n2"], "old")
    assert any(note.event == "cib.stale" for note in cluster["n2"].notes)


def test_an_acknowledged_change_wins_over_one_that_was_written_but_not_kept() -> None:
    """A change kept by few in an earlier view must not come back over one that was acknowledged later."""
    cluster = started("n1", "n2", "n3")
    # n1 writes, and only its own disk gets it before it is cut off.
    cluster["n1"].disk_is_slow = cluster["n2"].disk_is_slow = cluster["n3"].disk_is_slow = True
    cluster.write("n1", resource("lost"))
    cluster.fire()
    cluster.links.clear()
    cluster.persist("n1")
    cluster.crash("n1")
    # The others go on and acknowledge another change at the same version number.
    cluster["n2"].disk_is_slow = cluster["n3"].disk_is_slow = False
    cluster.form("n2", "n3")
    write = cluster.write("n2", resource("kept"))
    cluster.run()
    assert cluster.outcome("n2", write) is not None
    # All meet: the acknowledged one wins, the other is kept aside.
    cluster["n1"].disk_is_slow = False
    cluster.form("n1", "n2", "n3")
    cluster.run()
    assert has(cluster["n1"], "kept")
    assert not has(cluster["n1"], "lost")
    assert len(cluster.digests()) == 1
    assert b'id="lost"' in cluster["n1"].kept_aside[0].document


def test_a_change_that_a_later_dc_finds_counts_only_under_its_own_stamp() -> None:
    """The classic trap: kept by one in view A, found and kept by a majority in view C, while view B wrote another."""
    cluster = started("n1", "n2", "n3")
    for node in cluster.nodes.values():
        node.disk_is_slow = True
    cluster.write("n1", resource("first"))
    cluster.fire()
    cluster.links.clear()
    cluster.persist("n1")
    for name in ("n1", "n2", "n3"):
        cluster.crash(name)
    # n2 leads n3 and keeps another change on its own disk only.
    cluster.form("n2", "n3")
    for name in ("n2", "n3"):
        while cluster.persist(name):
            pass
    cluster.run()
    cluster.write("n2", resource("second"))
    cluster.fire()
    cluster.links.clear()
    while cluster.persist("n2"):
        pass
    cluster.crash("n2")
    # n1 and n3 meet; whichever history they choose is acknowledged under their own stamp.
    cluster["n1"].disk_is_slow = cluster["n3"].disk_is_slow = False
    cluster.form("n1", "n3")
    write = cluster.write("n1", resource("third"))
    cluster.run()
    assert cluster.outcome("n1", write) is not None
    # n2 returns with its own change: it has to give way.
    cluster["n2"].disk_is_slow = False
    cluster.form("n2", "n1", "n3")
    cluster.run()
    assert all(has(node, "third") for node in cluster.nodes.values())
    assert not has(cluster["n2"], "second")


def test_an_acknowledged_change_wins_over_any_number_of_forced_ones() -> None:
    cluster = started("n1", "n2", "n3")
    cluster.links.clear()
    cluster.form("n1", "n2", "n3")
    cluster.run()
    # n3 is cut off; the others go on in the same history.
    cluster.form("n1", "n2")
    cluster.run()
    acknowledged = cluster.write("n1", resource("kept"))
    cluster.run()
    assert cluster.outcome("n1", acknowledged) is not None
    cluster.form("n3", writes=False)
    for number in range(3):
        cluster.write("n3", resource(f"forced{number}"), force=True)
        cluster.run()
    assert cluster.versions()["n3"] == "0.3.0"
    cluster.form("n3", "n2")
    cluster.run()
    assert has(cluster["n3"], "kept")
    assert not has(cluster["n3"], "forced0")
    assert b"forced2" in cluster["n3"].kept_aside[0].document


def test_forced_changes_of_the_same_term_do_not_win_either() -> None:
    """The partition that forces had the same stamp, so only what was confirmed under it may count."""
    cluster = started("n1", "n2", "n3")
    cluster["n3"].disk_is_slow = True
    cluster.links.pop(("n1", "n3"), None)
    acknowledged = cluster.write("n1", resource("kept"))
    cluster.fire()
    cluster.links.pop(("n1", "n3"), None)
    cluster.run()
    assert cluster.outcome("n1", acknowledged) is not None
    cluster["n3"].disk_is_slow = False
    cluster.form("n3", writes=False)
    for number in range(3):
        cluster.write("n3", resource(f"forced{number}"), force=True)
        cluster.run()
    cluster.form("n3", "n2")
    cluster.run()
    assert has(cluster["n3"], "kept")


def test_forced_changes_stay_when_nobody_wrote_anything_else() -> None:
    cluster = started("n1", "n2", "n3")
    cluster.form("n3", writes=False)
    cluster.write("n3", resource("forced"), force=True)
    cluster.run()
    cluster.form("n1", "n2", "n3")
    cluster.run()
    assert all(has(node, "forced") for node in cluster.nodes.values())


def test_a_dc_that_may_write_again_confirms_what_was_forced_before_it_promises_more() -> None:
    cluster = Cluster("n1", "n2", "n3")
    cluster.form("n1", "n2", writes=False)
    cluster.run()
    cluster.write("n1", resource("forced"), force=True)
    cluster.run()
    for name in ("n1", "n2"):
        role = RoleChanged(
            "dc" if name == "n1" else "member",
            dc="n1",
            view=cluster.view,
            members=("n1", "n2"),
            votes=("n1", "n2", "n3"),
            quorate=True,
            majority=True,
            config_writes=True,
        )
        cluster.give(name, role)
    cluster.run()
    assert [str(each.version) for each in cluster["n1"].committed] == ["0.1"]
    assert str(cluster["n2"].replica.point.confirmed) == "0.1"
    write = cluster.write("n2", resource("later"))
    cluster.run()
    assert cluster.outcome("n2", write) is not None


def test_a_full_disk_is_told_and_refuses_further_changes() -> None:
    cluster = Cluster("n1", "n2")
    cluster.form("n1", "n2", majority=False)
    cluster.run()
    cluster["n2"].disk_works = False
    first = cluster.write("n1", resource("a"))
    cluster.run()
    outcome = cluster.outcome("n1", first)
    assert outcome is not None
    assert outcome.rc == 124
    assert "No space left on device" in outcome.text
    second = cluster.write("n1", resource("b"))
    cluster.run()
    outcome = cluster.outcome("n1", second)
    assert outcome is not None
    assert outcome.rc != 0
    assert not has(cluster["n1"], "b")
    cluster["n2"].disk_works = True
    cluster.run(for_ms=6_000)
    third = cluster.write("n1", resource("c"))
    cluster.run()
    outcome = cluster.outcome("n1", third)
    assert outcome is not None
    assert outcome.rc == 0


def test_a_version_never_goes_back_when_the_new_dc_missed_status_updates() -> None:
    cluster = Cluster("n1", "n2", "n3")
    cluster.form("n1", "n2")
    cluster.run()
    for _ in range(3):
        cluster.write("n1", count_up())
        cluster.run()
    # n3 becomes DC without having been asked to adopt anything.
    view = {"view": 99, "votes": ("n1", "n2", "n3"), "majority": True, "config_writes": True, "quorate": True}
    for name in ("n2", "n3"):
        role = "dc" if name == "n3" else "member"
        cluster.give(name, RoleChanged(role, dc="n3", members=("n2", "n3"), **view))  # type: ignore[arg-type]
    cluster.run()
    assert cluster.versions()["n2"] == cluster.versions()["n3"] == "0.0.4"
    assert len(cluster.digests("n2", "n3")) == 1


def test_the_dc_says_when_a_change_can_not_be_lost_any_more() -> None:
    cluster = started("n1", "n2", "n3")
    cluster["n1"].committed.clear()
    cluster.write("n1", resource("vip"))
    cluster.run()
    assert [str(each.version) for each in cluster["n1"].committed] == ["0.1"]


def nodes(*names: str) -> Request:
    inside = "".join(f'<node id="{name}" uname="{name}"/>' for name in names)
    return Request("replace", section="nodes", xml=f"<nodes>{inside}</nodes>".encode())


def test_a_new_vote_needs_a_majority_of_the_old_and_of_the_new_list() -> None:
    cluster = started("n1", "n2", "n3", "n4")
    # n4 is in the view but has no vote yet.
    votes = ("n1", "n2", "n3")
    for name in ("n1", "n2", "n3", "n4"):
        role = RoleChanged(
            "dc" if name == "n1" else "member",
            dc="n1",
            view=1,
            members=cluster.members,
            votes=votes,
            quorate=True,
            majority=True,
            config_writes=True,
        )
        cluster.give(name, role)
    cluster.write("n1", nodes("n1", "n2", "n3"))
    cluster.run()
    for name in ("n3", "n4"):
        cluster[name].disk_is_slow = True
    write = cluster.write("n1", nodes("n1", "n2", "n3", "n4"))
    cluster.run()
    assert cluster.outcome("n1", write) is None
    cluster.persist("n4")
    cluster.run()
    assert cluster.outcome("n1", write) is not None


def test_votes_change_one_node_at_a_time() -> None:
    assert vote_change_problem(("a", "b"), ("a", "b", "c", "d"), ("a", "b")) != ""
    assert vote_change_problem(("a", "b"), ("a", "b", "c"), ("a", "b")) == ""
    assert vote_change_problem((), ("a", "b"), ("a", "b")) == ""
    assert vote_change_problem(("a", "b", "c"), ("a",), ("a", "b", "c")) == (
        "votes change one node at a time, this changes b, c"
    )
