"""authkeys: methods, the file's mode and owner, and refusals that name file, line and expectation."""

# ruff: noqa: E501 (the rows of the tables are read as lines)

import os
from pathlib import Path

import pytest

from heartbeat.authkeys import Key, check_permissions, parse_authkeys, read_authkeys
from ipc.problems import render

PATH = Path("/etc/ha.d/authkeys")


def messages(text: str) -> list[str]:
    return [render(problem) for problem in parse_authkeys(text.encode(), PATH).problems]


def test_the_tutorials_file_is_understood_as_printed() -> None:
    result = parse_authkeys(b"auth 2\n#1 crc\n2 sha1 redhat\n#3 md5 Hello!\n", PATH)
    assert result.problems == ()
    assert result.keys is not None
    assert result.keys.active == Key(2, "sha1", b"redhat")


def test_other_keys_stay_valid_so_that_a_key_can_be_changed_node_by_node() -> None:
    result = parse_authkeys(b"auth\t3\n1 sha1 old\n\n3 sha256 new # the next one\n", PATH)
    assert result.keys is not None
    assert sorted(result.keys.keys) == [1, 3]
    assert result.keys.active.method == "sha256"


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        ("1 crc", "authkeys:2: warning: key 1: crc PROTECTS AGAINST NOTHING"),
        ("1 md5 secret", "authkeys:2: warning: key 1: md5 is BROKEN"),
        ("1 aes256-gcm short", "authkeys:2: warning: key 1: the key is short (5 characters)"),
    ],
)
def test_weak_methods_are_accepted_with_a_loud_warning(line: str, warning: str) -> None:
    result = parse_authkeys(f"auth 1\n{line}\n".encode(), PATH)
    assert result.keys is not None
    assert any(warning in render(problem) for problem in result.problems)


MALFORMED = [
    ("1 sha1 x", "authkeys: error: no auth line; expected `auth N`, naming the key to use"),
    ("auth 1", "authkeys:1: error: auth: there is no key of this number: '1'; expected a line `1 METHOD KEY`"),
    ("auth", "authkeys:1: error: auth: wrong value; expected auth N, with the number of a key from 1 to 15"),
    ("auth x\n1 sha1 x", "authkeys:1: error: auth: wrong value: 'x'; expected auth N"),
    ("auth 0\n1 sha1 x", "authkeys:1: error: auth: wrong value: '0'; expected auth N"),
    ("auth 1 2\n1 sha1 x", "authkeys:1: error: auth: wrong value: '1 2'; expected auth N"),
    ("auth 1\nauth 1\n1 sha1 x", "authkeys:2: error: auth is given before, in line 1; expected one auth line"),
    ("auth 16\n16 sha1 x", "authkeys:2: error: wrong key number: '16'; expected a number from 1 to 15"),
    ("auth 1\n1 sha1", "authkeys:2: error: key 1: no key; expected 1 sha1 KEY"),
    ("auth 1\n1 sha1 two words", "authkeys:2: error: key 1: more than one word as the key; expected 1 sha1 KEY"),
    ("auth 1\n1 sha3 x", "authkeys:2: error: key 1: unknown method: 'sha3'; expected one of crc, md5, sha1, sha256"),
    ("auth 1\n1 geheim", "authkeys:2: error: key 1: unknown method; expected one of crc, md5, sha1, sha256, aes256-gcm"),
    ("auth 1\n1 sha1 a\0b", "authkeys:2: error: the line contains a NUL byte; expected text"),
    ("auth=1\n1 sha1 x", "authkeys:1: error: the line is not understood; expected `auth N` or `N METHOD KEY`"),
    ("auth 1\n1: sha1 x", "authkeys:2: error: the line is not understood; expected `auth N` or `N METHOD KEY`"),
    ("auth 1\n1 sha512 x", "authkeys:2: error: key 1: unknown method: 'sha512'; expected one of crc, md5, sha1, sha256"),
    ("auth 1\n1", "authkeys:2: error: key 1: unknown method; expected one of crc, md5, sha1, sha256, aes256-gcm"),
    ("auth 1\n1 sha1 x\n1 md5 y", "authkeys:3: error: key 1 is given before, in line 2; expected each number once"),
    ("auth 1\n1 sha1 x\nsha1 geheim", "authkeys:3: error: the line is not understood; expected `auth N` or `N METHOD KEY`"),
    ("#" * 70_000, "authkeys: error: the file is too long; expected at most 65536 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MALFORMED)
def test_a_malformed_file_is_refused_with_file_line_and_expectation(text: str, expected: str) -> None:
    assert parse_authkeys(text.encode(), PATH).keys is None
    assert any(expected in message for message in messages(text)), messages(text)


def test_no_message_and_no_representation_shows_a_secret() -> None:
    text = "auth 1\n1 md5 geheim\n2 sha1 geheim geheim\n3 geheim\ngeheim\n"
    assert not any("geheim" in message for message in messages(text))
    assert "geheim" not in repr(Key(1, "sha1", b"geheim"))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authkeys"
    path.write_text("auth 1\n1 sha1 secret\n")
    path.chmod(0o640)
    result = read_authkeys(path)
    assert result.keys is None
    assert render(result.problems[0]) == (
        f"{path}: error: wrong mode: '640'; expected 600, so that nobody else can read the secret: chmod 600 {path}"
    )


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "authkeys"
    path.write_text("auth 1\n1 sha1 secret\n")
    path.chmod(0o600)
    (problem,) = check_permissions(path.stat(), path, os.getuid() + 1)
    assert f"error: wrong owner: 'uid {os.getuid()}'; expected uid {os.getuid() + 1}" in render(problem)


def test_a_right_file_is_read_and_a_directory_is_not(tmp_path: Path) -> None:
    path = tmp_path / "authkeys"
    path.write_text("auth 1\n1 sha256 secret\n")
    path.chmod(0o600)
    assert read_authkeys(path).keys is not None
    assert "not a regular file" in render(read_authkeys(tmp_path).problems[0])
