"""Digests of parameters agree with those that Pacemaker writes."""

from __future__ import annotations

from cib.digests import digest_parameters, filter_parameters, operation_digest, restart_digest, secure_digest


def test_no_parameters_give_the_digest_that_every_history_knows() -> None:
    assert digest_parameters({}) == "f2317cad3d54cec5d7d7aa7d0bf35cf8"


def test_the_timeout_of_a_recurring_operation_counts_and_no_other_setting() -> None:
    attributes = {
        "crm_feature_set": "3.20.5",
        "ip": "10.0.0.1",
        "CRM_meta_timeout": "20000",
        "CRM_meta_interval": "10000",
        "CRM_meta_on_node": "n1",
    }
    assert filter_parameters(attributes, 10_000) == {"ip": "10.0.0.1", "CRM_meta_timeout": "20000"}
    assert filter_parameters(attributes, 0) == {"ip": "10.0.0.1"}
    assert operation_digest({"CRM_meta_timeout": "20000"}, 60_000) == "4811cef7f7f94e3a35a70be7916cb2fd"


def test_the_order_of_parameters_does_not_matter_and_special_characters_do() -> None:
    assert digest_parameters({"a": "1", "b": "2"}) == digest_parameters({"b": "2", "a": "1"})
    assert len({digest_parameters({"a": value}) for value in ('<">&', "\n", "&lt;", "x")}) == 4


def test_the_restart_digest_covers_the_named_parameters_only() -> None:
    attributes = {"ip": "10.0.0.1", "log": "quiet"}
    assert restart_digest(attributes, 0, ["ip"]) == digest_parameters({"ip": "10.0.0.1"})
    assert restart_digest(attributes, 0, None) == operation_digest(attributes, 0)


def test_the_secure_digest_leaves_secrets_out() -> None:
    attributes = {"login": "admin", "passwd": "secret", "CRM_meta_timeout": "20000"}
    assert secure_digest(attributes, 60_000, ["passwd"]) == operation_digest(
        {"login": "admin", "CRM_meta_timeout": "20000"}, 60_000
    )


def test_old_feature_sets_left_the_timeout_and_framework_parameters_out_as_well() -> None:
    attributes = {"login": "admin", "pcmk_host_list": "n1", "CRM_meta_timeout": "20000"}
    digest = secure_digest(attributes, 60_000, [], feature_set="3.0.12", fence_device=True)
    assert digest == digest_parameters({"login": "admin"})
