"""The commented `basepay.toml` that `basepay init` writes."""

STARTER = """\
# basepay: every key can be overridden by an environment variable, e.g.
# BASEPAY_DATABASE__URL or BASEPAY_ACCOUNTS__WECHAT_MAIN__API_V3_KEY.

environment = "production"                # dev, test or production
public_url = "https://pay.example.com"    # where the providers reach /callbacks/…
number_prefix = "d1"                      # tells this deployment's order numbers from another's

[database]
url = "sqlite:///basepay.db"              # a file in the working directory

[http]
host = "127.0.0.1"
port = 8000

# One table per merchant account. Secrets stand in files or in the environment, never here.

[accounts.wechat-main]
provider = "wechat"
mchid = "1900000001"
app_ids = { official_account = "wx0000000000000001" }
serial_no = "0000000000000000000000000000000000000001"  # of the merchant API certificate
private_key_file = "secrets/apiclient_key.pem"
api_v3_key_file = "secrets/api_v3_key.txt"
# WeChat Pay signs with platform certificates, its public key, or both during a switch.
platform_certificate_files = []
public_key_id = "PUB_KEY_ID_0000000000000000000000000001"
public_key_file = "secrets/wechat_pub_key.pem"

[accounts.alipay-main]
provider = "alipay"
app_id = "2021000000000001"
seller_id = "2088000000000001"
private_key_file = "secrets/alipay_app_private_key.pem"
alipay_public_key_file = "secrets/alipay_public_key.pem"
"""
