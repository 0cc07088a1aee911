"""Payment orders as a file that banks take: ISO 20022 pain.001.001.09.

One file has one debtor account and one currency. Elements stand in the order of the standard's
message definition (customer credit transfer initiation, version 9). Texts are cut and written in
the characters that every bank takes (the SEPA rulebooks' set, EPC217-08); amounts in major units.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from xml.etree import ElementTree

from stdnum import bic as bic_number
from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError

from payments_project.errors import Unavailable
from payments_project.money import exponent
from transactions.payout_models import Payout, PayoutAccount

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
NAME_LENGTH_MAX = 70
REMITTANCE_LENGTH_MAX = 140
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
_WRITTEN_OUT = {"ß": "ss", "Æ": "AE", "æ": "ae", "Ø": "O", "ø": "o", "Ł": "L", "ł": "l", "&": "+"}
# What a bank's number in its country's clearing is called (ISO 20022 external code list).
_CLEARING = {"US": "USABA", "GB": "GBDSC", "CA": "CACPA", "AU": "AUBSB"}


@dataclass(frozen=True, slots=True)
class Debtor:
    """Our account that a file debits; ``number`` is an IBAN or, without one, the bank's own."""

    name: str
    number: str
    is_iban: bool
    bic: str | None


def debtor_of(debtors: Mapping[str, Mapping[str, str]], currency: str) -> Debtor:
    """The settings' account for a currency. Raises ``Unavailable`` where it is missing or wrong."""
    given = debtors.get(currency, {})
    try:
        name = given["name"]
        bic = bic_number.validate(given["bic"]) if given.get("bic") else None
        number = iban_number.validate(given["iban"]) if "iban" in given else given["account"]
    except (KeyError, ValidationError):
        raise Unavailable(
            f"PAYOUT_DEBTORS names no account of ours to pay {currency} from: name, iban (or"
            " account) and bic.",
            code="bank_unavailable",
        ) from None
    return Debtor(name, number, "iban" in given, bic)


def write_pain001(
    *, message_id: UUID, made_at: datetime, debtor: Debtor, currency: str, payouts: Sequence[Payout]
) -> str:
    """The file's text. ``payouts`` are of ``currency``, at least one; the same call gives the same
    text. A payout's id is its end-to-end id, by which the bank's reports name it."""
    root = ElementTree.Element("Document", {"xmlns": NAMESPACE})
    message = _add(root, "CstmrCdtTrfInitn")
    totals = (
        str(len(payouts)),
        _major(sum(payout.amount for payout in payouts), currency),
    )
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", message_id.hex)
    _add(header, "CreDtTm", f"{made_at:%Y-%m-%dT%H:%M:%S}Z")
    _add(header, "NbOfTxs", totals[0])
    _add(header, "CtrlSum", totals[1])
    _add(_add(header, "InitgPty"), "Nm", plain_text(debtor.name, NAME_LENGTH_MAX))
    batch = _add(message, "PmtInf")
    _add(batch, "PmtInfId", message_id.hex)
    _add(batch, "PmtMtd", "TRF")
    _add(batch, "NbOfTxs", totals[0])
    _add(batch, "CtrlSum", totals[1])
    is_sepa = (
        currency == "EUR"
        and debtor.is_iban
        and all(payout.account.kind == PayoutAccount.IBAN for payout in payouts)
    )
    if is_sepa:
        _add(_add(_add(batch, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _add(_add(batch, "ReqdExctnDt"), "Dt", f"{made_at:%Y-%m-%d}")
    _add(_add(batch, "Dbtr"), "Nm", plain_text(debtor.name, NAME_LENGTH_MAX))
    account = _add(batch, "DbtrAcct")
    _number(account, debtor.number, is_iban=debtor.is_iban)
    _add(account, "Ccy", currency)
    agent = _add(_add(batch, "DbtrAgt"), "FinInstnId")
    if debtor.bic:
        _add(agent, "BICFI", debtor.bic)
    else:
        _add(_add(agent, "Othr"), "Id", "NOTPROVIDED")
    _add(batch, "ChrgBr", "SLEV" if is_sepa else "SHAR")
    for payout in payouts:
        _transfer(batch, payout)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def plain_text(text: str, length_max: int) -> str:
    """``text`` in the characters that every bank takes, cut to ``length_max``; never empty."""
    written = "".join(_WRITTEN_OUT.get(character, character) for character in text)
    decomposed = unicodedata.normalize("NFKD", written)
    kept = [
        character if character in _CHARACTERS else " "
        for character in decomposed
        if not unicodedata.combining(character)
    ]
    return " ".join("".join(kept).split())[:length_max].strip() or "NOTPROVIDED"


def _transfer(batch: ElementTree.Element, payout: Payout) -> None:
    account = payout.account
    transfer = _add(batch, "CdtTrfTxInf")
    _add(_add(transfer, "PmtId"), "EndToEndId", payout.pk.hex)
    amount = _add(_add(transfer, "Amt"), "InstdAmt", _major(payout.amount, payout.currency))
    amount.set("Ccy", payout.currency)
    if account.bic or account.routing_number:
        agent = _add(_add(transfer, "CdtrAgt"), "FinInstnId")
        if account.bic:
            _add(agent, "BICFI", account.bic)
        if account.routing_number:
            member = _add(agent, "ClrSysMmbId")
            if account.country in _CLEARING:
                _add(_add(member, "ClrSysId"), "Cd", _CLEARING[account.country])
            _add(member, "MmbId", account.routing_number)
    _add(_add(transfer, "Cdtr"), "Nm", plain_text(account.holder_name, NAME_LENGTH_MAX))
    _number(
        _add(transfer, "CdtrAcct"),
        account.account_number,
        is_iban=account.kind == PayoutAccount.IBAN,
    )
    text = payout.description or f"Payout {payout.pk.hex}"
    _add(_add(transfer, "RmtInf"), "Ustrd", plain_text(text, REMITTANCE_LENGTH_MAX))


def _number(account: ElementTree.Element, number: str, *, is_iban: bool) -> None:
    identity = _add(account, "Id")
    if is_iban:
        _add(identity, "IBAN", number)
    else:
        _add(_add(identity, "Othr"), "Id", number)


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text
    return child


def _major(amount: int, currency: str) -> str:
    return f"{Decimal(amount).scaleb(-exponent(currency)):f}"
