"""What finance people call things, in Chinese and English."""

from domain.bill import MovementKind
from domain.discrepancy import DiscrepancyStatus, Resolution
from domain.reconciliation import Class

CLASSES: dict[Class, str] = {
    Class.MATCHED: "一致 matched",
    Class.CARRIED_OVER: "跨日待核 carried over",
    Class.FOREIGN: "其他系统 foreign",
    Class.MISSING_LOCALLY: "长款 missing locally",
    Class.UNKNOWN_REFUND: "未知退款 unknown refund",
    Class.MISSING_AT_PROVIDER: "短款 missing at provider",
    Class.AMOUNT_MISMATCH: "金额不符 amount mismatch",
    Class.STATUS_MISMATCH: "状态不符 status mismatch",
    Class.FEE_MISMATCH: "手续费不符 fee mismatch",
    Class.DUPLICATE_IN_BILL: "账单重复 duplicate in bill",
    Class.UNREADABLE_ROW: "无法读取 unreadable row",
    Class.FUNDS_MISMATCH: "资金不符 funds mismatch",
}
KINDS: dict[MovementKind, str] = {
    MovementKind.CHARGE: "支付 charge",
    MovementKind.REVERSAL: "撤销 reversal",
    MovementKind.REFUND: "退款 refund",
}
STATUSES: dict[DiscrepancyStatus, str] = {
    DiscrepancyStatus.OPEN: "待处理 open",
    DiscrepancyStatus.AWAITING_APPROVAL: "待复核 awaiting approval",
    DiscrepancyStatus.RESOLVED: "已处理 resolved",
}
RESOLUTIONS: dict[Resolution, str] = {
    Resolution.REPAIR: "向渠道核实后更新 repair",
    Resolution.ACCEPT: "认账 accept",
    Resolution.NOTE: "说明 note",
}
