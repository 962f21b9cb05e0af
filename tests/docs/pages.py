"""Pages of a business's own web site, served to whoever reads them, and what an agent says to questions about them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

MENU = """<!doctype html><html lang="en"><head><title>Tony's Pizza: menu</title></head><body>
<nav><a href="/">Home</a> <a href="/menu">Menu</a> <a href="/jobs">Jobs</a></nav>
<main><h1>Our menu</h1>
<h2>Pizzas</h2>
<h3>Supreme</h3><p>Pepperoni, Italian sausage, mushrooms, green peppers, red onion and black olives.</p>
<h3>Margherita</h3><p>San Marzano tomato, fresh mozzarella and basil.</p>
<h3>Hawaiian</h3><p>Ham, pineapple and mozzarella.</p>
<h2>Sizes and prices</h2>
<table><tr><th>Size</th><th>Inches</th><th>Price</th></tr>
<tr><td>Small</td><td>10</td><td>$11.50</td></tr>
<tr><td>Medium</td><td>12</td><td>$15.00</td></tr>
<tr><td>Large</td><td>16</td><td>$19.75</td></tr></table>
<h2>Sides</h2><ul><li>Garlic knots: $6.50</li><li>Caesar salad: $9.00</li></ul>
<h2>Opening hours</h2><p>Tuesday to Sunday from 11:30 a.m. to 9 p.m. We are closed on Mondays.</p>
</main><footer>Tony's Pizza, 120 Main St, Boulder</footer></body></html>"""

SERVICES = """<!doctype html><html lang="en"><head><title>Services &amp; pricing</title></head><body>
<main><h1>Services and pricing</h1>
<h2>Tune-ups</h2><p>A furnace tune-up is $129 and takes about 75 minutes. An air conditioner tune-up is $139.</p>
<h2>Repairs</h2><p>The diagnostic visit is $89; it is waived when you go ahead with the repair.</p>
<h2>Service area</h2><p>We serve Springfield, Chatham, Rochester and Sherman.</p>
<h2>Emergencies</h2><p>If you smell gas, leave the house at once and call 911 before you call us.</p>
</main></body></html>"""


@contextlib.contextmanager
def serving_pages(pages: Mapping[str, str]) -> Generator[str]:
    """The address of a site with these pages by their paths, while it is up."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            body = (page or "Not found").encode()
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def said(stream: str) -> list[str]:
    """What the agent said in a stream of events, turn by turn."""
    frames = [frame.partition("\ndata: ") for frame in stream.split("\n\n")]
    return [json.loads(data)["data"]["text"] for event, _, data in frames if event.endswith("event: agent_message")]
