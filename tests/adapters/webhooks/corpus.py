"""URLs that lead inside, in every spelling we know; `{port}` is where somebody listens."""

from ipaddress import IPv4Address

#: One or two of every network that is not public.
INSIDE_V4 = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1
    127.0.0.2 127.255.255.255 168.63.129.16 169.254.0.23 169.254.169.254 169.254.170.2 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
    198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255
""".split()

INSIDE_V6 = """
    ::1 :: ::2 0:0:0:0:0:0:0:1 0000:0000:0000:0000:0000:0000:0000:0001 ::ffff:127.0.0.1
    ::ffff:7f00:1 ::ffff:0:127.0.0.1 ::127.0.0.1 ::7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    ::ffff:a9fe:a9fe ::ffff:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::7f00:1 100::1
    2001::1 2001:0:7f00:1::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1
    2002:a9fe:a9fe:: 3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fdff:ffff::1 fe80::1
    febf::1 fec0::1 ff00::1 ff02::1 ff05::2 fe80::1%25eth0 ::1%251
""".split()


def spellings(address: str) -> list[str]:
    """The ways in which browsers, libc and old parsers write one IPv4 address."""
    number = int(IPv4Address(address))
    a, b, c, d = (int(part) for part in address.split("."))
    return [
        str(number),
        hex(number),
        hex(number).upper(),
        f"0{number:o}",
        f"0x{a:02x}.0x{b:02x}.0x{c:02x}.0x{d:02x}",
        f"0x{a:x}.{b}.{c}.{d}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:04o}.{b:04o}.{c:04o}.{d:04o}",
        f"{a:03}.{b:03}.{c:03}.{d:03}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{(b << 16) + (c << 8) + d}",
        f"{a}.0x{(b << 16) + (c << 8) + d:x}",
        f"{address}.",
        f"%{ord(address[0]):02x}{address[1:]}",
        address.replace(".", "%2e"),
        "".join(chr(0xFEE0 + ord(each)) if each.isdigit() else each for each in address),
        address.replace(".", "。"),
        f"{address}%00.shop.example",
        f"[{address}]",
        f"[::ffff:{address}]",
        f"[::{address}]",
        f"[64:ff9b::{address}]",
    ]


#: Names, each with what a name server says.
NAMES = {f"n{place}.shop.example": [address] for place, address in enumerate(INSIDE_V4)}
NAMES |= {
    f"m{place}.shop.example": [address.replace("%25", "%")]
    for place, address in enumerate(INSIDE_V6)
}
NAMES |= {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "one-of-two.shop.example": ["93.184.215.14", "127.0.0.1"],
    "two-of-two.shop.example": ["127.0.0.1", "93.184.215.14"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "xn--lcalhost-54a.example": ["127.0.0.1"],
}

TRICKS = [
    "http://shop.example@127.0.0.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@shop.example/",
    "http://shop.example:80@127.0.0.1:{port}/",
    "http://shop.example%40127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@shop.example/",
    "http://shop.example#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@shop.example/",
    "http://shop.example\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\n",
    "ht\ttp://127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1:{port} .shop.example/",
    "http://shop.example\r\nHost: 127.0.0.1:{port}/",
    "http://[::1:{port}/",
    "http://[::1]shop.example:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1]]:{port}/",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1:+{port}/",
    "http://127.0.0.1:0{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://loc\u00adalhost:{port}/",
    "http://:{port}/",
    "http://",
    "http://.:{port}/",
    "http://-:{port}/",
    "http://*:{port}/",
    "http://$HOME:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/stat",
    "ldap://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "jar:http://127.0.0.1:{port}!/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "tel:+8610",
    "",
]

URLS = [
    *(f"http://{address}:{{port}}/" for address in INSIDE_V4),
    *(f"http://[{address}]:{{port}}/" for address in INSIDE_V6),
    *(
        f"http://{spelled}:{{port}}/"
        for address in ("127.0.0.1", "169.254.169.254", "10.1.2.3")
        for spelled in spellings(address)
    ),
    *(f"http://{name}:{{port}}/" for name in NAMES),
    *TRICKS,
]
