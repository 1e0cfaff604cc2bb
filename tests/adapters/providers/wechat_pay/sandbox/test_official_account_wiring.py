"""The official-account platform answers on the simulator's port, unsigned and open to faults."""


def token(shop):
    """Ask for an access token the stable way."""
    it = shop.credentials
    asked = {
        "grant_type": "client_credential",
        "appid": it["app_ids"]["official_account"],
        "secret": it["app_secret"],
    }
    return shop.http.post("/cgi-bin/stable_token", json=asked)


def test_the_secret_of_the_credentials_opens_the_platform(shop):
    assert "access_token" in token(shop).json()


def test_its_faults_are_armed_by_its_name(shop):
    shop.arm("status", operation="official_account", status=502)
    assert token(shop).status_code == 502
    shop.arm("error", operation="official_account", code="45009")

    assert token(shop).json()["errcode"] == 45009
    assert "access_token" in token(shop).json()


def test_a_login_names_the_payer_that_jsapi_then_takes(shop):
    appid = shop.credentials["app_ids"]["official_account"]
    asked = (
        f"appid={appid}&redirect_uri=https%3A%2F%2Fshop.example%2Fback"
        "&response_type=code&scope=snsapi_base&state=abc"
    )
    back = shop.http.get(f"/connect/oauth2/authorize?{asked}").headers["Location"]
    code = back.partition("code=")[2].partition("&")[0]
    secret = shop.credentials["app_secret"]
    exchange = f"appid={appid}&secret={secret}&code={code}&grant_type=authorization_code"
    openid = shop.http.get(f"/sns/oauth2/access_token?{exchange}").json()["openid"]

    assert shop.place("jsapi", "ORDER-0001", payer={"openid": openid}).status_code == 200
    shop.payer("pay", "ORDER-0001").raise_for_status()
    assert shop.query("ORDER-0001").json()["payer"] == {"openid": openid}
