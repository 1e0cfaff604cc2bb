"""A simulator of api.weixin.qq.com and its login page, written from the reference alone."""
