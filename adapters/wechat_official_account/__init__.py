"""WeChat beside payments: 公众号 and mini program logins, JS configuration, address lists."""
