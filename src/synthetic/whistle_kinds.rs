//! What people blow the whistle about, and who usually answers.

/// Per category, in the order of the list 吹哨类别: the departments that usually answer, and what people write.
pub(crate) struct Category {
    pub(crate) departments: &'static [(&'static str, f64)],
    pub(crate) titles: &'static [&'static str],
    pub(crate) share: f64,
}

pub(crate) const CATEGORIES: [Category; 11] = [
    Category {
        departments: &[("城管执法大队", 4.0), ("环卫服务中心", 5.0), ("园林绿化中心", 1.5)],
        titles: &["垃圾清运不及时", "绿化带内堆放杂物", "建筑垃圾随意倾倒", "道路积水"],
        share: 15.0,
    },
    Category {
        departments: &[("城管执法大队", 8.0), ("市场监管局", 1.0)],
        titles: &["流动摊贩占道经营", "店外经营影响通行", "早市摊点占用人行道"],
        share: 12.0,
    },
    Category {
        departments: &[("公安分局", 3.0), ("生态环境分局", 4.0), ("文旅体局", 1.0)],
        titles: &["夜间施工噪声扰民", "广场舞音响声音过大", "店铺外放音响扰民", "空调外机噪声"],
        share: 14.0,
    },
    Category {
        departments: &[("城管执法大队", 5.0), ("自然资源分局", 3.0), ("住房城乡建设局", 2.0)],
        titles: &["楼顶私搭阳光房", "一楼住户圈占公共绿地", "违规搭建雨棚"],
        share: 6.0,
    },
    Category {
        departments: &[("消防救援大队", 6.0), ("应急管理局", 3.0), ("燃气公司", 1.5), ("供电公司", 1.0)],
        titles: &["楼道停放电动车充电", "消防通道被占用", "消火栓无水", "液化气瓶违规存放"],
        share: 9.0,
    },
    Category {
        departments: &[("住房城乡建设局", 8.0), ("司法局", 1.0)],
        titles: &["物业服务不到位", "电梯长期停运", "物业费纠纷", "小区门禁损坏未修"],
        share: 12.0,
    },
    Category {
        departments: &[
            ("市政维护中心", 5.0),
            ("供水公司", 2.0),
            ("供电公司", 1.5),
            ("通信公司", 1.5),
            ("园林绿化中心", 1.0),
        ],
        titles: &["路灯不亮", "井盖缺失", "供水管漏水", "通信线缆垂落", "健身器材损坏"],
        share: 10.0,
    },
    Category {
        departments: &[("交警大队", 7.0), ("城管执法大队", 2.0)],
        titles: &["违停堵塞小区出口", "僵尸车长期占位", "人行道停车"],
        share: 9.0,
    },
    Category {
        departments: &[("生态环境分局", 6.0), ("市场监管局", 2.0), ("城管执法大队", 2.0)],
        titles: &["餐饮油烟直排", "烧烤店油烟扰民", "烟道串味"],
        share: 6.0,
    },
    Category {
        departments: &[("司法局", 5.0), ("公安分局", 2.0), ("信访局", 1.0)],
        titles: &["楼上漏水引发邻里纠纷", "宠物扰民引发争执", "公共晾晒区域争用"],
        share: 4.0,
    },
    Category {
        departments: &[
            ("民政局", 2.0),
            ("人社局", 2.0),
            ("卫生健康局", 2.0),
            ("教育局", 1.0),
            ("医保局", 1.0),
            ("残联", 0.6),
            ("退役军人事务局", 0.6),
            ("农业水利局", 1.0),
            ("商务局", 0.5),
        ],
        titles: &["困难家庭申请救助", "拖欠工资反映", "幼儿园周边秩序", "流浪动物较多"],
        share: 3.0,
    },
];

pub(crate) const SUSPEND_REASONS: [&str; 4] =
    ["涉及历史遗留产权问题，待协调", "需纳入年度改造计划", "施工受汛期影响，暂缓", "当事人长期不在本地"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::reference::{District, List};

    #[test]
    fn every_department_named_here_exists() {
        let district = District::load();
        let known = |name: &str| district.list(List::Department).iter().any(|code| code.label == name);
        assert_eq!(district.list(List::WhistleCategory).len(), CATEGORIES.len());
        for (name, _) in CATEGORIES.iter().flat_map(|category| category.departments) {
            assert!(known(name), "{name}");
        }
        for subdistrict in &district.subdistricts {
            assert!(known(&format!("{}办事处", subdistrict.name)), "{}", subdistrict.name);
        }
    }
}
