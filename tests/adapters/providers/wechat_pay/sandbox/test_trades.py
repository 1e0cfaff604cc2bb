def test_a_native_order_is_paid_once(shop):
    code_url = shop.prepay("ORDER-0001").json()["code_url"]
    paid = shop.http.post("/sandbox/payer/pay", json={"code_url": code_url})
    again = shop.payer("pay", "ORDER-0001")

    assert paid.json()["state"] == "SUCCESS"
    assert again.status_code == 409
    assert shop.order("ORDER-0001")["charges"] == 1
    trade = shop.query("ORDER-0001").json()
    assert trade["amount"]["total"] == 1999
    assert trade["success_time"].endswith("+08:00")
    assert len(trade["transaction_id"]) == 28
