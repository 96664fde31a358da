"""Seals, datagrams and stream handshakes: only what a node with the secret sent, once, unchanged, is accepted."""

import random

import pytest

from heartbeat.authkeys import METHODS, AuthKeys, Key, Method
from heartbeat.datagram_seal import WINDOW, DatagramOpener, DatagramSealer, Refused, ReplayWindow
from heartbeat.messages import Member
from heartbeat.refusals import TELL_EVERY_MS, Refusals
from heartbeat.seal import BadSeal, derive_seal
from heartbeat.stream_seal import HandshakeFailed, StreamHandshake, StreamSeals
from ipc.units import Milliseconds

SECRET = b"an-example-secret"
REAL_METHODS: tuple[Method, ...] = ("md5", "sha1", "sha256", "aes256-gcm")
ALICE, BOB = Member("alice", 7), Member("bob", 3)
SALT, OTHER_SALT = b"s" * 16, b"t" * 16


def keys(method: Method = "sha1", secret: bytes = SECRET, number: int = 1) -> AuthKeys:
    key = Key(number, method, secret)
    return AuthKeys(key, {number: key})


@pytest.mark.parametrize("method", METHODS)
def test_what_was_sealed_opens_in_its_place_only(method: Method) -> None:
    seal = derive_seal(Key(1, method, SECRET), b"here")
    sealed = seal.seal(5, b"header", b"payload")
    assert seal.open(5, b"header", sealed) == b"payload"
    for sequence, header in ((6, b"header"), (5, b"headex")):
        with pytest.raises(BadSeal):
            seal.open(sequence, header, sealed)
    with pytest.raises(BadSeal):
        derive_seal(Key(1, method, SECRET), b"there").open(5, b"header", sealed)


@pytest.mark.parametrize("method", METHODS)
def test_no_changed_bit_and_no_shortened_seal_opens(method: Method) -> None:
    seal = derive_seal(Key(1, method, SECRET), b"here")
    sealed = seal.seal(1, b"", b"payload")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadSeal):
            seal.open(1, b"", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(BadSeal):
            seal.open(1, b"", sealed[:length])


@pytest.mark.parametrize("method", REAL_METHODS)
def test_another_secret_does_not_open(method: Method) -> None:
    sealed = derive_seal(Key(1, method, SECRET), b"here").seal(1, b"", b"payload")
    with pytest.raises(BadSeal):
        derive_seal(Key(1, method, b"another"), b"here").open(1, b"", sealed)


def test_only_aes_hides_the_payload() -> None:
    payload = b"heartbeat"
    assert payload in derive_seal(Key(1, "sha256", SECRET), b"").seal(1, b"", payload)
    assert payload not in derive_seal(Key(1, "aes256-gcm", SECRET), b"").seal(1, b"", payload)


@pytest.mark.parametrize("method", METHODS)
def test_a_datagram_opens_once_on_each_link(method: Method) -> None:
    sealer, opener = DatagramSealer(keys(method), ALICE, SALT), DatagramOpener(keys(method))
    data = sealer.seal(b"hello")
    first = opener.open(data, "eth0")
    assert (first.sender, first.payload, first.repeated) == (ALICE, b"hello", False)
    assert opener.open(data, "eth1").repeated
    for link in ("eth0", "eth1"):
        with pytest.raises(Refused, match="seen before"):
            opener.open(data, link)


def test_datagrams_may_overtake_each_other_within_the_window() -> None:
    sealer, opener = DatagramSealer(keys(), ALICE, SALT), DatagramOpener(keys())
    datagrams = [sealer.seal(b"%d" % number) for number in range(WINDOW + 2)]
    order = datagrams[2:]
    random.Random(1).shuffle(order)
    assert all(not opener.open(data, "eth0").repeated for data in order)
    with pytest.raises(Refused, match="too late"):
        opener.open(datagrams[0], "eth0")


def test_an_earlier_life_is_refused_once_a_later_one_was_heard() -> None:
    opener = DatagramOpener(keys())
    old, new = DatagramSealer(keys(), Member("alice", 7), SALT), DatagramSealer(keys(), Member("alice", 8), OTHER_SALT)
    recorded = old.seal(b"old")
    assert opener.open(new.seal(b"new"), "eth0").sender.generation == 8
    with pytest.raises(Refused, match="earlier life"):
        opener.open(recorded, "eth0")


def test_a_second_life_with_the_same_generation_is_refused() -> None:
    opener = DatagramOpener(keys())
    opener.open(DatagramSealer(keys(), ALICE, SALT).seal(b"x"), "eth0")
    with pytest.raises(Refused, match="same generation"):
        opener.open(DatagramSealer(keys(), ALICE, OTHER_SALT).seal(b"x"), "eth0")


def test_two_lives_never_share_a_key_even_when_the_generation_was_lost() -> None:
    one = DatagramSealer(keys("aes256-gcm"), ALICE, SALT).seal(b"payload")
    other = DatagramSealer(keys("aes256-gcm"), ALICE, OTHER_SALT).seal(b"payload")
    assert one[-23:] != other[-23:]


@pytest.mark.parametrize("method", REAL_METHODS)
def test_a_stranger_changes_nothing(method: Method) -> None:
    opener = DatagramOpener(keys(method))
    with pytest.raises(Refused):
        opener.open(DatagramSealer(keys(method, b"guess"), Member("alice", 999), SALT).seal(b"x"), "eth0")
    assert opener.open(DatagramSealer(keys(method), ALICE, SALT).seal(b"x"), "eth0").sender == ALICE


def test_a_key_that_is_not_in_authkeys_is_refused_and_one_that_is_there_is_taken() -> None:
    old, new = Key(1, "sha1", b"old"), Key(2, "sha256", b"new")
    both = AuthKeys(old, {1: old, 2: new})
    data = DatagramSealer(AuthKeys(new, {2: new}), ALICE, SALT).seal(b"x")
    assert DatagramOpener(both).open(data, "eth0").payload == b"x"
    with pytest.raises(Refused, match="key 2, which is not in authkeys"):
        DatagramOpener(AuthKeys(old, {1: old})).open(data, "eth0")


@pytest.mark.parametrize("seed", range(20))
def test_arbitrary_bytes_are_refused(seed: int) -> None:
    choice = random.Random(seed)
    opener = DatagramOpener(keys())
    real = DatagramSealer(keys(), ALICE, SALT).seal(b"payload")
    for _ in range(50):
        data = bytearray(real[: choice.randrange(len(real))]) + bytearray(choice.randbytes(choice.randrange(60)))
        with pytest.raises(Refused):
            opener.open(bytes(data), "eth0")


def test_a_window_takes_each_number_once_in_any_order() -> None:
    numbers = list(range(1, WINDOW + 1))
    random.Random(2).shuffle(numbers)
    window = ReplayWindow()
    assert all(window.take(number) for number in numbers)
    assert not any(window.take(number) for number in [*numbers, 0, -5])
    assert window.take(10 * WINDOW)
    assert not window.take(9 * WINDOW)
    assert window.take(9 * WINDOW + 1)


def shake(connector_keys: AuthKeys, acceptor_keys: AuthKeys) -> tuple[StreamSeals, StreamSeals]:
    connector = StreamHandshake(connector_keys, ALICE, b"1" * 32, expected="bob")
    acceptor = StreamHandshake(acceptor_keys, BOB, b"2" * 32, expected=None)
    proof_of_acceptor = acceptor.take_hello(connector.hello)
    proof_of_connector = connector.take_hello(acceptor.hello)
    seals = connector.take_proof(proof_of_acceptor), acceptor.take_proof(proof_of_connector)
    assert (connector.peer, acceptor.peer) == (BOB, ALICE)
    return seals


@pytest.mark.parametrize("method", METHODS)
def test_two_nodes_with_the_secret_get_a_stream_in_strict_order(method: Method) -> None:
    alice, bob = shake(keys(method), keys(method))
    frames = [alice.seal(b"%d" % number) for number in range(3)]
    assert [bob.open(frame) for frame in frames[:2]] == [b"0", b"1"]
    with pytest.raises(BadSeal):
        bob.open(frames[1])
    assert bob.open(frames[2]) == b"2"
    with pytest.raises(BadSeal):
        alice.open(frames[0])


@pytest.mark.parametrize("method", REAL_METHODS)
def test_a_stranger_gets_no_stream(method: Method) -> None:
    with pytest.raises(HandshakeFailed, match="does not know the secret"):
        shake(keys(method, b"guess"), keys(method))


def test_a_recorded_handshake_does_not_work_again() -> None:
    connector = StreamHandshake(keys(), ALICE, b"1" * 32, expected="bob")
    first = StreamHandshake(keys(), BOB, b"2" * 32, expected=None)
    first.take_hello(connector.hello)
    proof = connector.take_hello(first.hello)
    second = StreamHandshake(keys(), BOB, b"3" * 32, expected=None)
    second.take_hello(connector.hello)
    with pytest.raises(HandshakeFailed):
        second.take_proof(proof)


def test_a_proof_that_is_reflected_is_refused() -> None:
    connector = StreamHandshake(keys(), ALICE, b"1" * 32, expected="bob")
    acceptor = StreamHandshake(keys(), BOB, b"2" * 32, expected=None)
    acceptor.take_hello(connector.hello)
    with pytest.raises(HandshakeFailed):
        connector.take_proof(connector.take_hello(acceptor.hello))


def test_the_wrong_peer_and_our_own_name_are_refused() -> None:
    connector = StreamHandshake(keys(), ALICE, b"1" * 32, expected="carol")
    with pytest.raises(HandshakeFailed, match="bob answered where carol was expected"):
        connector.take_hello(StreamHandshake(keys(), BOB, b"2" * 32, expected=None).hello)
    acceptor = StreamHandshake(keys(), ALICE, b"2" * 32, expected=None)
    with pytest.raises(HandshakeFailed, match="our own name"):
        acceptor.take_hello(connector.hello)


def test_the_connectors_key_holds_for_both_so_that_keys_can_be_changed_node_by_node() -> None:
    old, new = Key(1, "sha1", b"old"), Key(2, "aes256-gcm", b"the-new-and-longer-secret")
    alice, bob = shake(AuthKeys(new, {1: old, 2: new}), AuthKeys(old, {1: old, 2: new}))
    assert bob.open(alice.seal(b"x")) == b"x"
    assert alice.open(bob.seal(b"y")) == b"y"
    with pytest.raises(HandshakeFailed, match="key 2, which is not in authkeys"):
        shake(AuthKeys(new, {2: new}), AuthKeys(old, {1: old}))


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\n", b"PKS\x01" + bytes(41), b"PKS\x01" + bytes(41) + b"\x05a"]
)
def test_a_hello_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(HandshakeFailed, match="does not speak our protocol"):
        StreamHandshake(keys(), BOB, b"2" * 32, expected=None).take_hello(data)


def test_refusals_are_told_once_and_then_at_a_bounded_rate() -> None:
    refusals = Refusals()
    notes = [refusals.count("10.0.0.9:694", "wrong digest", Milliseconds(at)) for at in range(0, 3 * TELL_EVERY_MS, 10)]
    told = [note for note in notes if note is not None]
    assert len(told) == 3
    assert told[0].text == "A packet from 10.0.0.9:694 is refused: wrong digest"
    assert told[1].text.endswith("(999 more were refused since the last such message)")
    assert refusals.total == len(notes)
