"""A corpus of forbidden addresses and of the ways to write, resolve to and lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

FORBIDDEN_V4 = (
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "169.254.169.254",
    "169.254.170.2", "172.16.0.1", "192.0.0.192", "192.168.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
)  # fmt: skip
FORBIDDEN_V6 = ("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "3fff::1")
_WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
_CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def spellings(address: str) -> Iterator[tuple[str, str]]:
    """Every way to write an IPv4 address as a host that some program takes for it, each with its name."""
    number = int(IPv4Address(address))
    a, b, c, d = address.split(".")
    hexadecimal = [f"0x{int(part):x}" for part in (a, b, c, d)]
    octal = [f"0{int(part):o}" for part in (a, b, c, d)]
    yield "plain", address
    yield "decimal", str(number)
    yield "hexadecimal", hex(number)
    yield "hexadecimal, capitals", f"0X{number:08X}"
    yield "hexadecimal, long", f"0x{number:020x}"
    yield "octal", f"0{number:o}"
    yield "octal, long", f"0{number:020o}"
    yield "dotted hexadecimal", ".".join(hexadecimal)
    yield "dotted octal", ".".join(octal)
    yield "padded", ".".join(part.zfill(3) if part != "0" else "000" for part in (a, b, c, d))
    yield "mixed", f"{hexadecimal[0]}.{octal[1]}.{c}.{hexadecimal[3]}"
    yield "three parts", f"{a}.{b}.{int(c) * 256 + int(d)}"
    yield "two parts", f"{a}.{number & 0xFFFFFF}"
    yield "hexadecimal end", f"{a}.{b}.{c}.{hexadecimal[3]}"
    yield "overflow", str(number + (1 << 32))
    yield "part over 255", f"{a}.{b}.{c}.{int(d) + 256}"
    yield "trailing dot", address + "."
    yield "two trailing dots", address + ".."
    yield "leading dot", "." + address
    yield "full-width", address.translate(_WIDE)
    yield "full-width digits", "".join(ch if ch == "." else ch.translate(_WIDE) for ch in address)
    yield "circled digits", address.translate(_CIRCLED)
    yield "arabic digits", address.translate(_ARABIC)
    yield "ideographic dots", address.replace(".", "。")
    yield "half-width dots", address.replace(".", "｡")
    yield "soft hyphen", address.replace(".", "\u00ad.", 1)
    yield "zero-width space", "\u200b" + address
    yield "percent-encoded digits", "%31" + address[1:]
    yield "percent-encoded dots", address.replace(".", "%2e")
    yield "in brackets", f"[{address}]"
    yield "mapped", f"::ffff:{address}"
    yield "mapped, in brackets", f"[::ffff:{address}]"
    yield "mapped, hexadecimal", f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    yield "mapped, long", f"0:0:0:0:0:ffff:{number >> 16:04x}:{number & 0xFFFF:04x}"
    yield "mapped, with a zone", f"::ffff:{address}%lo"
    yield "translated", f"::ffff:0:{address}"
    yield "compatible", f"::{address}"
    yield "NAT64", f"64:ff9b::{address}"
    yield "NAT64, local", f"64:ff9b:1::{address}"
    yield "6to4", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"
    yield "Teredo", f"2001:0:4136:e378:8000:63bf:{(~number >> 16) & 0xFFFF:x}:{~number & 0xFFFF:x}"
    yield "ISATAP", f"fe80::5efe:{address}"
    yield "with a port", f"{address}:80"
    yield "with user information", f"example.com@{address}"
    yield "after a backslash", f"example.com\\{address}"
    yield "after a fragment", f"{address}#example.com"
    yield "after a query", f"{address}?example.com"
    yield "with a space", f" {address}"
    yield "with a tab", f"{address}\t"
    yield "with a line break", f"{address}\r\nHost: example.com"
    yield "with a null", f"{address}\x00.example.com"
    yield "a list", f"{address},example.com"


def spellings_v6(address: str) -> Iterator[tuple[str, str]]:
    """The same for an IPv6 address."""
    yield "plain", address
    yield "in brackets", f"[{address}]"
    yield "capitals", address.upper()
    yield "with a zone", f"{address}%eth0"
    yield "with an encoded zone", f"[{address}%25eth0]"
    yield "open bracket", f"[{address}"
    yield "with a port", f"[{address}]:443"


def urls(host: str) -> Iterator[tuple[str, str]]:
    """Every way to lead a URL to ``host`` past somebody who looks at another part of it."""
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    yield "https", f"https://{shown}/"
    yield "http", f"http://{shown}/"
    yield "with a path", f"https://{shown}/v1/items?a=b"
    yield "with a port", f"https://{shown}:8443/"
    yield "capital scheme", f"HTTPS://{shown}/"
    yield "user information", f"https://example.com@{shown}/"
    yield "user and password", f"https://example.com:443@{shown}/"
    yield "encoded at sign", f"https://example.com%40{shown}/"
    yield "two at signs", f"https://a@b@{shown}/"
    yield "fragment before at", f"https://{shown}#@example.com/"
    yield "backslash before at", f"https://{shown}\\@example.com/"
    yield "backslashes", f"https:\\\\{shown}\\"
    yield "one slash", f"https:/{shown}/"
    yield "no slash", f"https:{shown}/"
    yield "three slashes", f"https:///{shown}/"
    yield "no scheme", f"//{shown}/"
    yield "space before", f" https://{shown}/"
    yield "tab in the scheme", f"ht\ttps://{shown}/"
    yield "line break in the host", f"https://{shown}\r\n/"
    yield "null", f"https://{shown}\x00/"
    for scheme in (
        "file",
        "gopher",
        "ftp",
        "dict",
        "ldap",
        "data",
        "jar",
        "javascript",
        "ws",
        "unix",
        "https+unix",
        "blob:https",
    ):
        yield scheme, f"{scheme}://{shown}/"
    yield "data without slashes", "data:text/plain,hello"
    yield "file without a host", "file:///etc/passwd"


LEADING = (
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "http://[fd00:ec2::254]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://127.0.0.1:6379/",
    "https://[::ffff:10.0.0.1]/",
    "//169.254.169.254/",
    "\\\\169.254.169.254\\",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://127.0.0.1/",
    "data:text/plain,hi",
    "javascript:alert(1)",
    "http://metadata.example.com/",
    "https://user:pw@example.com/",
    "https://example.com@169.254.169.254/",
    "http:169.254.169.254",
    "https://１６９.254.169.254/",
    "https://169。254。169。254/",
    "https://169.254.169.254.",
    "///169.254.169.254/",
    "/\\169.254.169.254/",
)
"""What a redirect or a reference may say to lead inside. The name in it resolves to a metadata service."""
