"""Reason codes of disputes: which of them say that the cardholder denies having paid.

A gateway hands on the card network's code, or a word of its own. Codes are compared as they are
told, and one that nobody knows here is no fraud. The networks' are those of their dispute guides: Visa's category 10 (Dispute Management
Guidelines), Mastercard's 4837 and what stood beside it (Chargeback Guide), American Express' F
category (Dispute guide), Discover's UA category (Dispute Rules Manual).
"""

FRAUD = {
    # Gateways' words, the simulator's among them.
    "fraudulent": "the cardholder says that somebody else paid",
    # Visa
    "10.1": "EMV liability shift, counterfeit card",
    "10.2": "EMV liability shift, card that is not counterfeit",
    "10.3": "other fraud, card present",
    "10.4": "other fraud, card absent",
    "10.5": "fraud monitoring programme",
    # Mastercard
    "4837": "no cardholder authorization",
    "4840": "fraudulent processing",
    "4849": "questionable merchant activity",
    "4863": "cardholder does not recognize it, potential fraud",
    "4870": "chip liability shift",
    "4871": "chip and PIN liability shift",
    # American Express
    "F10": "missing imprint",
    "F14": "missing signature",
    "F24": "no cardmember authorization",
    "F29": "card not present",
    "F30": "EMV, counterfeit card",
    "F31": "EMV, lost, stolen or never received card",
    "FR2": "fraud full recourse programme",
    # Discover
    "UA01": "fraud, card present",
    "UA02": "fraud, card absent",
    "UA05": "fraud, counterfeit chip card",
    "UA06": "fraud, chip and PIN",
    "UA11": "cardholder claims fraud, swiped card",
}
