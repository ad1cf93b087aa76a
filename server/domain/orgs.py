"""The org tree (mission row A1): levels from county to building, and what a unit may be."""

from enum import StrEnum


class Level(StrEnum):
    COUNTY = "county"
    STREET = "street"
    COMMUNITY = "community"
    ESTATE = "estate"
    GRID = "grid"
    BUILDING = "building"


PARENTS = {
    Level.COUNTY: (),
    Level.STREET: (Level.COUNTY,),
    Level.COMMUNITY: (Level.STREET,),
    Level.ESTATE: (Level.COMMUNITY,),
    Level.GRID: (Level.COMMUNITY, Level.ESTATE),
    Level.BUILDING: (Level.ESTATE, Level.GRID),
}
LEVEL_NAMES = {
    Level.COUNTY: "区县",
    Level.STREET: "街道（镇）",
    Level.COMMUNITY: "社区",
    Level.ESTATE: "小区",
    Level.GRID: "网格",
    Level.BUILDING: "楼栋",
}


class UnitCategory(StrEnum):
    AGENCY = "agency"
    INSTITUTION = "institution"
    STATE_FIRM = "state_firm"
    SCHOOL = "school"
    NEW_ORG = "new_org"
    ARMY = "army"
    OTHER = "other"


UNIT_CATEGORY_NAMES = {
    UnitCategory.AGENCY: "机关",
    UnitCategory.INSTITUTION: "事业",
    UnitCategory.STATE_FIRM: "国企",
    UnitCategory.SCHOOL: "高校",
    UnitCategory.NEW_ORG: "两新",
    UnitCategory.ARMY: "部队",
    UnitCategory.OTHER: "其他",
}
