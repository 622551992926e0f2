//! The delivered tables: their columns in file order, by contract name and by Chinese label.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Number,
    Flag,
    Date,
    Time,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// Columns of the key.
    pub(crate) key: &'static [usize],
    pub(crate) columns: &'static [Column],
}

/// Written before the other columns when a delivery holds changes only.
pub(crate) const OPERATION: Column = Column { name: "op", label: "操作", kind: Kind::Text };

impl Table {
    /// `updated_at` is the last column of every table.
    pub(crate) fn updated_at(&self) -> usize {
        self.columns.len() - 1
    }

    /// Position of a column; the names used in this module are checked by the tests that generate.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

const fn text(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Text }
}

const fn whole(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Whole }
}

const fn number(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Number }
}

const fn flag(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Flag }
}

const fn date(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Date }
}

const fn time(name: &'static str, label: &'static str) -> Column {
    Column { name, label, kind: Kind::Time }
}

pub(crate) static RESIDENTS: Table = Table {
    name: "residents",
    key: &[0],
    columns: &[
        text("resident_id", "居民编号"),
        text("name", "姓名"),
        text("sex", "性别"),
        date("birth_date", "出生日期"),
        text("id_type", "证件类型"),
        text("id_number", "证件号码"),
        text("phone", "联系电话"),
        text("household_type", "人口类型"),
        text("ethnicity", "民族"),
        text("education", "文化程度"),
        text("marital", "婚姻状况"),
        text("household_id", "户号"),
        text("relation", "与户主关系"),
        text("dwelling_id", "房屋编号"),
        text("grid_code", "网格编码"),
        text("record_status", "数据状态"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static RESIDENT_TAGS: Table = Table {
    name: "resident_tags",
    key: &[0, 1],
    columns: &[
        text("resident_id", "居民编号"),
        text("tag", "人群类别"),
        text("level", "等级"),
        date("since_date", "认定日期"),
        text("guardian", "监护帮扶人"),
        text("guardian_phone", "帮扶人电话"),
        whole("visit_cycle_days", "走访周期"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static DWELLINGS: Table = Table {
    name: "dwellings",
    key: &[0],
    columns: &[
        text("dwelling_id", "房屋编号"),
        text("address", "地址"),
        text("estate", "小区"),
        text("building", "楼栋"),
        text("unit", "单元"),
        text("room", "房号"),
        number("area_m2", "建筑面积"),
        text("use", "房屋用途"),
        text("owner_name", "房主姓名"),
        text("owner_phone", "房主电话"),
        text("tenant_name", "承租人姓名"),
        text("tenant_phone", "承租人电话"),
        whole("rooms_let", "出租间数"),
        flag("is_registered", "登记备案"),
        flag("is_pledge_signed", "责任书"),
        text("grid_code", "网格编码"),
        text("record_status", "数据状态"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static SHOPS: Table = Table {
    name: "shops",
    key: &[0],
    columns: &[
        text("shop_id", "商铺编号"),
        text("name", "店名"),
        text("uscc", "统一社会信用代码"),
        text("category", "行业类别"),
        text("nine_small", "九小类别"),
        text("owner_name", "经营者"),
        text("phone", "联系电话"),
        whole("employees", "从业人数"),
        number("area_m2", "经营面积"),
        text("address", "地址"),
        text("status", "经营状态"),
        text("licence_no", "许可证号"),
        date("licence_until", "许可证有效期"),
        text("gas_mode", "用气方式"),
        whole("extinguisher_count", "灭火器"),
        text("sign_photo", "招牌照片"),
        flag("fire_ok", "消防合格"),
        flag("food_ok", "食品合格"),
        text("grid_code", "网格编码"),
        text("record_status", "数据状态"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static SHOP_CHECKS: Table = Table {
    name: "shop_checks",
    key: &[0],
    columns: &[
        text("check_id", "检查编号"),
        text("shop_id", "商铺编号"),
        time("checked_at", "检查时间"),
        text("inspector", "检查人"),
        text("check_kind", "检查类型"),
        flag("is_fire_ok", "消防"),
        flag("is_gas_ok", "用气"),
        flag("is_electric_ok", "用电"),
        flag("is_exit_ok", "通道"),
        flag("is_sleeping_ok", "住人"),
        whole("hazard_count", "隐患数"),
        text("hazard", "隐患描述"),
        text("measure", "整改措施"),
        date("due_date", "整改期限"),
        text("responsible", "责任人"),
        time("rechecked_at", "复查时间"),
        text("recheck_result", "复查结果"),
        text("grid_code", "网格编码"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static VISITS: Table = Table {
    name: "visits",
    key: &[0],
    columns: &[
        text("visit_id", "走访编号"),
        text("grid_code", "网格编码"),
        text("visitor", "走访人"),
        time("visited_at", "走访时间"),
        text("method", "走访方式"),
        text("subject_kind", "对象类别"),
        text("subject_id", "对象编号"),
        text("reason", "事由"),
        text("summary", "走访内容"),
        flag("issue_flag", "发现问题"),
        text("whistle_id", "转哨编号"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static WHISTLES: Table = Table {
    name: "whistles",
    key: &[0],
    columns: &[
        text("whistle_id", "哨件编号"),
        text("level", "哨级"),
        text("source", "来源"),
        text("category", "问题类别"),
        text("title", "标题"),
        text("grid_code", "网格编码"),
        text("address", "地址"),
        time("reported_at", "上报时间"),
        time("accepted_at", "受理时间"),
        time("dispatched_at", "派遣时间"),
        time("responded_at", "应哨时间"),
        time("due_at", "办结期限"),
        time("closed_at", "办结时间"),
        time("settled_at", "结案时间"),
        text("department", "主办单位"),
        text("status", "状态"),
        time("extended_to", "延期至"),
        time("suspended_at", "挂账时间"),
        time("resumed_at", "恢复时间"),
        whole("extension_count", "延期次数"),
        whole("return_count", "退单次数"),
        whole("rework_count", "返工次数"),
        text("suspend_reason", "挂账理由"),
        whole("satisfaction", "评价"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static WHISTLE_TASKS: Table = Table {
    name: "whistle_tasks",
    key: &[0],
    columns: &[
        text("task_id", "任务编号"),
        text("whistle_id", "哨件编号"),
        text("department", "承办单位"),
        text("role", "角色"),
        time("dispatched_at", "派遣时间"),
        time("responded_at", "应哨时间"),
        time("arrived_at", "到场时间"),
        time("due_at", "办结期限"),
        time("closed_at", "办结时间"),
        time("returned_at", "退回时间"),
        text("status", "状态"),
        time("updated_at", "更新时间"),
    ],
};

pub(crate) static SCORE_EVENTS: Table = Table {
    name: "score_events",
    key: &[0],
    columns: &[
        text("event_id", "事项编号"),
        text("department", "单位"),
        date("event_date", "发生日期"),
        text("item", "事项"),
        whole("event_count", "次数"),
        number("points", "分值"),
        text("basis", "认定依据"),
        text("status", "认定状态"),
        time("updated_at", "更新时间"),
    ],
};
