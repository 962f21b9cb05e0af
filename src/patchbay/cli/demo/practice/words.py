"""The words the practice rows are made of."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words("""
    Ada Aisha Alan Alice Amara Amir Ana Andre Angela Anil Anna Arthur Beatriz Ben Bianca Boris Camila Carl Carmen Chen
    Chloe Clara Daniel Daria David Deepa Denise Diego Dmitri Edith Elena Eli Emeka Emma Erik Esther Eva Fatima Felix Fiona
    Frank Gabriel Gina Grace Greta Hana Harold Hassan Helen Hugo Ida Imani Ines Irene Isaac Ivan Jack Jasmine Javier Jin
    Joan Jonas Joyce Julia Kai Karim Kenji Kofi Lars Laura Leila Leo Lin Lucia Luis Maeve Malik Marco Maria Mateo Maya Mei
    Mina Miriam Mona Nadia Naomi Nina Noah Nora Oleg Olga Omar Oscar Paula Pedro Petra Priya Quinn Rachel Ravi Rosa Ruth
    Sam Samira Sara Sean Sofia Soren Sunil Tara Teresa Theo Thuy Tomas Uma Vera Victor Wanda Wei Xavier Yara Yusuf Zoe
""")
LAST_NAMES = _words("""
    Abbott Acosta Adeyemi Ahmed Alvarez Anders Bailey Banerjee Barrett Becker Bennett Bergman Bianchi Blake Boateng Brandt
    Brooks Byrne Cabrera Calloway Castillo Chandra Chen Cho Cohen Conway Costa Cruz Dalton Das Delgado Diaz Dixon Dubois
    Duran Eklund Ellis Espinoza Farah Fischer Flores Foster Fujita Gallagher Garcia Ghosh Gibson Goldberg Gomez Grant
    Greer Gupta Haddad Hale Hansen Hayes Hernandez Hoang Hoffman Holt Hughes Ibrahim Ito Ivanov Jensen Johansson Kaplan
    Kaur Keller Khan Kim Klein Kowalski Kumar Lambert Larsen Lee Lindqvist Lopez Lund Mahoney Malik Marsh Martin Mbeki
    Mehta Mendoza Meyer Mitchell Moreau Morris Mueller Nakamura Navarro Nelson Ng Nguyen Novak O'Brien O'Connor Okafor
    Olsen Ortiz Osman Park Patel Pereira Petrov Pham Quinn Rahman Ramirez Reyes Rossi Roth Russo Santos Sato Schmidt Shah
    Silva Singh Sokolov Stein Suarez Sullivan Tanaka Torres Tran Vargas Vasquez Vega Vogel Walsh Wang Weber Whitfield
    Winter Wong Yamada Yang Yilmaz Young Zhang Zimmerman
""")
STREETS = _words("""
    Alder Ash Bayberry Birch Bluff Briar Canyon Cedar Chestnut Clover Cottonwood Creek Cypress Dogwood Elm Fairview Fern
    Foxglove Grove Hawthorn Hazel Hickory Hill Holly Ivy Juniper Lake Larkspur Laurel Linden Magnolia Maple Meadow
    Mesquite Mill Mulberry Oak Orchard Park Pecan Pine Poplar Prairie Ridge River Rosewood Sage Spruce Summit Sycamore
    Tulip Valley Walnut Willow Windmill
""")
STREET_KINDS = ("St", "Ave", "Rd", "Ln", "Dr", "Ct", "Way")
REGIONS = (
    ("Downtown", 0), ("Northgate", 0), ("Riverside", 10), ("East Side", 10), ("Westlake", 15), ("South Hills", 15),
    ("Old Mill", 10), ("Airport", 20), ("Cedar Park", 25), ("Lakeway", 30), ("Round Prairie", 35), ("Dripping Creek", 40),
)  # fmt: skip
SERVICES = (
    ("Diagnostic visit", "diagnosis", 45, 89), ("Noise and leak check", "diagnosis", 60, 99),
    ("Washer repair", "repair", 90, 189), ("Dryer repair", "repair", 90, 179), ("Dryer vent cleaning", "maintenance", 60, 119),
    ("Refrigerator repair", "repair", 120, 249), ("Refrigerator seal replacement", "repair", 60, 139),
    ("Ice maker repair", "repair", 75, 159), ("Dishwasher repair", "repair", 90, 185),
    ("Dishwasher deep clean", "maintenance", 60, 95),
    ("Oven repair", "repair", 90, 199), ("Oven calibration", "maintenance", 45, 89), ("Cooktop repair", "repair", 75, 169),
    ("Freezer repair", "repair", 120, 239), ("Microwave repair", "repair", 60, 129),
    ("Washer installation", "installation", 90, 149),
    ("Dryer installation", "installation", 90, 149), ("Dishwasher installation", "installation", 120, 189),
    ("Refrigerator installation", "installation", 60, 129), ("Gas line hook-up", "installation", 90, 209),
    ("Water filter change", "maintenance", 30, 59), ("Coil cleaning", "maintenance", 60, 109),
    ("Yearly check-up", "maintenance", 75, 129), ("Old appliance removal", "removal", 45, 79),
)  # fmt: skip
KINDS = ("washer", "dryer", "refrigerator", "dishwasher", "oven", "cooktop", "freezer", "microwave")
BRANDS = ("Halden", "Brightline", "Kestrel", "Norwell", "Vantor", "Copperfield", "Arden", "Lumo")
CUSTOMER_NOTES = ("Slow payer.", "Dog bites.", "Asked for a discount twice.", "Gate code 4411.", "Prefers no morning visits.")
VISIT_NOTES = (
    "Part on order.",
    "Charged travel fee twice, refund pending.",
    "Bring the tall ladder.",
    "Second visit for the same fault.",
)
