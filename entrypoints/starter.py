"""The commented `basepay.toml` that `basepay init` writes."""

STARTER = """\
# basepay: every key can be overridden by an environment variable, e.g.
# BASEPAY_DATABASE__URL or BASEPAY_ACCOUNTS__WECHAT_MAIN__API_V3_KEY.
# `basepay doctor` tells what is missing. While `basepay serve` runs, changed accounts and apps,
# and changes of the files they name, are taken in by themselves; on SIGHUP at once.

environment = "production"                # dev, test or production
public_url = "https://pay.example.com"    # where the providers reach /callbacks/…
number_prefix = "d1"                      # tells this deployment's order numbers from another's

[database]
url = "sqlite:///basepay.db"              # a file in the working directory

[http]
host = "127.0.0.1"
port = 8000
# trusted_proxies = ["127.0.0.1"]         # whose X-Forwarded-For is believed

# One table per merchant account. Secrets stand in files or in the environment, never here.

[accounts.wechat-main]
provider = "wechat"
mchid = "1900000001"
# Native, H5, code and JSAPI use the official account's; what has no app id is not offered.
app_ids = { official_account = "wx0000000000000001" }
serial_no = "0000000000000000000000000000000000000001"  # of the merchant API certificate
private_key_file = "secrets/apiclient_key.pem"
# certificate_file = "secrets/apiclient_cert.pem"       # only the doctor compares it
api_v3_key_file = "secrets/api_v3_key.txt"
# previous_api_v3_key_file = "secrets/api_v3_key.old"   # while the key is being changed
# WeChat Pay signs with platform certificates, its public key, or both during a switch.
# Certificates are fetched and renewed by themselves; files are only for the first moment.
platform_certificate_files = []
public_key_id = "PUB_KEY_ID_0000000000000000000000000001"
public_key_file = "secrets/wechat_pub_key.pem"
# store_out_id = "SHOP-1"                 # code payments need it, or store_id
# h5_domain = "shop.example.com"          # the host entered as H5 payment domain

# Pages in WeChat's browser: openids, signed JS configuration.
# [accounts.wechat-main.official_account]
# app_secret_file = "secrets/official_account_secret.txt"
# domains = ["shop.example.com"]          # JS interface and OAuth domains of the 公众号

# [accounts.wechat-main.mini_program]
# app_secret_file = "secrets/mini_program_secret.txt"

[accounts.alipay-main]
provider = "alipay"
app_id = "2021000000000001"
seller_id = "2088000000000001"
private_key_file = "secrets/alipay_app_private_key.pem"
alipay_public_key_file = "secrets/alipay_public_key.pem"
# In certificate mode the three certificates take the place of alipay_public_key_file:
# app_certificate_file = "secrets/appCertPublicKey.crt"
# alipay_certificate_file = "secrets/alipayCertPublicKey_RSA2.crt"
# alipay_root_certificate_file = "secrets/alipayRootCert.crt"

# What each contract says the provider keeps; bills with other fees are told as discrepancies.
# fee_rate = "0.60%"                      # in either account's table
# fee_tolerance = 1                       # fen

# Every day's bill is held against the books by itself. Times are of Shanghai.
# [reconciliation]
# enabled = true
# start_at = { wechat = "10:00", alipay = "12:00" }
# keep_bills_days = 400
# scratch_dir = "/var/tmp/basepay"        # room for sorting; else the system's temporary folder

# One table per app whose accounts are limited, or that has several of one provider.
# [apps.shop]
# accounts = ["wechat-main", "alipay-main"]
# default_accounts = { wechat = "wechat-main", alipay = "alipay-main" }

# Signed HTTP deliveries to apps' own endpoints need a key that seals their secrets in the database:
#   openssl rand -base64 32 > secrets/webhook_seal_key.txt
# Without it, apps read /v1/events.
# [webhooks]
# seal_key_file = "secrets/webhook_seal_key.txt"
# previous_seal_key_file = "secrets/webhook_seal_key.old"  # while the key is being changed
# networks = ["10.1.0.0/16"]              # receivers in these may be reached, though not public
# ports = [8443]                          # besides 443 and 80

# [wechat]
# mp_verify_files = ["secrets/MP_verify_0123456789abcdef.txt"]  # served at the domain's root
"""
