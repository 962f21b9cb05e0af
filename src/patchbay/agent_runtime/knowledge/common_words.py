"""Words that a question is asked with, and words that mean the same to a caller, by language (ISO 639-1).

``SILENT`` words say nothing about what is asked: question words, pronouns, politeness. ``LIGHT`` ones say a little: what a
business does with anything (sell, have, offer). ``SENSES`` are words that callers and pages use for one another.
"""

from __future__ import annotations

from collections.abc import Mapping


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


SILENT: Mapping[str, frozenset[str]] = {
    "en": _set(
        """
        a about actually ah all also am an and any anybody anyone anything are aren as at be because been before being but
        by can cannot cant could couldnt d did didnt do does doesnt doing dont else er for from get gets getting give go going
        gonna good got had has hasnt have havent having hello her here hey hi him his hmm how i id if ill im in into is isnt
        it its itself ive just kindly know let lets like ll may maybe me might mine more much must my myself no not now of off
        oh ok okay on one or our ours out please pls re really right s say should so some somebody someone something sorry
        sure t tell than thank thanks that thats the their them then there theres these they theyre thing things think this
        those to today too try um uh up us ve very wanna want was wasnt we well were what whats whatever when whens where
        wheres whether which who whos whose why will with wonder wondering would wouldnt yeah yes you your youre yours guys
        folks question quick ask exactly also even again anyway kind sort bit lot many possible possibly able way
        """
    ),
    "de": _set(
        """
        aber als also am an auch auf aus bei beim bin bis bitte bist da danke dann das dass dein dem den denn der des die
        dich dir doch du ein eine einem einen einer eines er es etwas euch euer eure fur gibt guten hallo hab habe haben habt
        hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihren ihrem ihrer im in ist ja kann kannst konnen konnt konnte
        konnten man mein meine meinem meinen meiner mich mir mit mochte mochten nach nein nicht noch nur ob oder ohne schon
        sehr sein seine sich sie sind so tag um und uns unser unsere viel vom von vor wann war waren warum was welche welchem
        welchen welcher welches wem wen wenn wer werde werden wie wieviel wieso will wir wird wo woher wohin wurde wurden zu
        zum zur eigentlich mal gerne gern lange frage heute
        """
    ),
    "fr": _set(
        """
        a ai alors apres as au aujourd aussi aux avec avez avoir avons bien bonjour ca car ce cela ces cet cette chez comment
        combien d dans de des donc du elle en encore es est et etes etre eux faire fait faut hui il ils j je l la le les leur
        lui m ma mais me meme merci mes moi mon n ne nos notre nous on ont ou par pas peut peux plait pour pourquoi pouvez
        qu quand que quel quelle quelles quels qui quoi s sa salut se ses si sil son sont suis sur t ta te tes toi ton tu un
        une vos votre voudrais vous y
        """
    ),
    "es": _set(
        """
        a adonde al algo algun alguna ahora aqui buenas buenos como con cual cuales cuando cuanto cuanta cuantos cuesta de
        del desde donde dias e el ella ellos en entre era es esa ese eso esta estan estas este esto estoy favor fue gracias
        ha hace hacen hacer hasta hay hola hoy la las le les lo los mas me mi mis muy no nos nosotros o os para pero por
        porque pueden puede puedo que quien quiero quisiera se ser si sin sobre son soy su sus tambien tan te tengo tiene
        tienen todo tu tus u un una unas uno unos usted ustedes va y ya yo
        """
    ),
}
LIGHT: Mapping[str, frozenset[str]] = {
    "en": _set(
        """
        accept accepts bring carry come comes came cover do find happen happens
        help include includes keep long look looking make makes need
        needs offer offers place places provide put sell sells serve serves show start stop take takes taking use used visit
        work works available business company people person anywhere somewhere available extra new old big live stuff
        """
    ),
    "de": _set("anbieten bieten bietet bringen fuhren fuhrt machen macht nehmen nimmt verkaufen verkauft brauche brauchen geht"),
    "fr": _set("acceptez besoin offrez offrir proposez prendre prenez vendez vendre venir"),
    "es": _set("aceptan necesito ofrecen toman vende venden venir"),
}
SENSES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "price cost fee charge rate pricing expensive cheap surcharge @price",
        "hours open opening close closing closed @hours",
        "address located location directions street @place",
        "phone telephone number call @phone",
        "email mail @email",
        "parking park garage lot",
        "pay payment paying accept card cash",
        "delivery deliver shipping ship",
        "return refund exchange money",
        "appointment booking book reservation reserve table schedule reschedule move",
        "cancel cancellation",
        "emergency urgent",
        "warranty guarantee",
        "kid child children",
        "fix repair broken mend",
        "large big",
        "monthly month",
        "discount off",
        "vegan vegetarian",
        "technician tech",
        "extraction pulled",
        "24 clock",
        "topping ingredient",
        "minimum smallest least",
        "heavy weigh weight lb",
        "wash clean cleaning care",
        "certified licensed license certification",
        "dentist doctor",
        "dessert sweet",
    ),
    "de": (
        "preis kosten kostet teuer gebuhr @price",
        "offnungszeiten geoffnet offen offnen schliessen geschlossen @hours",
        "adresse anfahrt strasse finden @place",
        "telefon telefonnummer nummer anrufen @phone",
        "parken parkplatz parkplatze tiefgarage",
        "reparieren reparatur",
        "lieferung liefern versand",
        "zahlen bezahlen zahlung",
        "termin buchen",
        "dauer dauern dauert minuten tage",
        "garantie gewahrleistung",
    ),
    "fr": (
        "prix cout coute tarif cher @price",
        "horaires ouvert ouverture ouvrez ferme fermeture heures @hours",
        "adresse situe rue @place",
        "telephone numero appeler @phone",
        "parking stationnement garer",
        "livraison livrer livrez",
        "payer paiement carte",
        "rendez reservation reserver",
    ),
    "es": (
        "precio costo coste tarifa caro @price",
        "horario abierto abren abrir cierran cierra cerrado @hours",
        "direccion ubicacion calle ubicados @place",
        "telefono numero llamar @phone",
        "aparcamiento estacionamiento aparcar estacionar",
        "entrega envio entregan",
        "pagar pago tarjeta",
        "cita reserva reservar",
    ),
}
