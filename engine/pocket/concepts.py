"""What the pocket model knows by name: emojibase labels, and the words people type for them.

A line of the table is `label: name, other name | Chinese name, other Chinese name`. What people try
first is drawn most often. Few things drawn so that they are recognised beat many blobs: a thing
joins the table only with the training time that its shape takes. The composer adds the colours.
"""

from dataclasses import dataclass

_FIRST_TRIED = """
red apple: apple | 苹果
cat face: cat, cat face, kitten | 猫, 猫咪, 小猫
dog face: dog, dog face, puppy | 狗, 小狗
pizza: pizza, slice of pizza, pizza slice | 披萨, 比萨
automobile: car, automobile | 汽车, 车, 小汽车
red heart: heart, love heart | 心, 爱心
star: star | 星星
fish: fish | 鱼
deciduous tree: tree, oak tree | 树, 大树
hot beverage: cup of coffee, coffee, cup of tea | 咖啡, 一杯咖啡
rocket: rocket, spaceship, space rocket | 火箭, 飞船
"""

_FAVOURITES = """
banana: banana | 香蕉
strawberry: strawberry | 草莓
lemon: lemon | 柠檬
tangerine: orange fruit, tangerine | 橘子, 橙子
watermelon: watermelon | 西瓜
grapes: grapes, bunch of grapes | 葡萄
cherries: cherries | 樱桃
hamburger: burger, hamburger, cheeseburger | 汉堡, 汉堡包
doughnut: donut, doughnut | 甜甜圈
birthday cake: birthday cake, cake | 蛋糕, 生日蛋糕
soft ice cream: ice cream, ice cream cone | 冰淇淋
mushroom: mushroom, toadstool | 蘑菇
fox: fox, fox face | 狐狸
rabbit face: rabbit, bunny | 兔子
bear: bear, teddy | 熊
panda: panda, panda bear | 熊猫
lion: lion | 狮子
tiger face: tiger | 老虎
frog: frog | 青蛙
pig face: pig, piglet | 猪, 小猪
monkey face: monkey | 猴子
penguin: penguin | 企鹅
owl: owl | 猫头鹰
elephant: elephant | 大象
horse: horse | 马
unicorn: unicorn | 独角兽
tropical fish: tropical fish | 热带鱼
spouting whale: whale | 鲸鱼
octopus: octopus | 章鱼
butterfly: butterfly | 蝴蝶
bird: bird | 鸟, 小鸟
duck: duck | 鸭子
turtle: turtle, tortoise | 乌龟
dragon face: dragon, dragon head | 龙
sunflower: sunflower | 向日葵
tulip: tulip, flower | 花, 郁金香
rose: rose | 玫瑰
cherry blossom: cherry blossom, blossom | 樱花
evergreen tree: pine tree, fir tree, evergreen tree | 松树
palm tree: palm tree | 棕榈树
cactus: cactus | 仙人掌
sun with face: sun | 太阳
crescent moon: moon, crescent moon | 月亮
cloud: cloud | 云
rainbow: rainbow | 彩虹
bus: bus | 公交车, 巴士
bicycle: bicycle, bike | 自行车
locomotive: steam train, train, locomotive | 火车
airplane: airplane, plane, aeroplane | 飞机
sailboat: sailboat, boat, sailing boat | 帆船, 船
house: house, home | 房子
castle: castle | 城堡
soccer ball: football, soccer ball | 足球
balloon: balloon | 气球
crown: crown | 皇冠
robot: robot | 机器人
ghost: ghost | 幽灵
snowman: snowman | 雪人
umbrella: umbrella | 雨伞, 伞
smiling face with sunglasses: cool emoji, smiley with sunglasses | 戴墨镜的笑脸
grinning face with big eyes: smiley, smiley face, happy face | 笑脸
red circle: circle | 圆形, 圆
red square: square | 正方形, 方块
"""

_OTHERS = """
pear: pear | 梨
peach: peach | 桃子
pineapple: pineapple | 菠萝
tomato: tomato | 西红柿, 番茄
avocado: avocado | 牛油果
carrot: carrot | 胡萝卜
ear of corn: corn, ear of corn | 玉米
bread: bread, loaf of bread | 面包
cheese wedge: cheese | 奶酪
cookie: cookie, biscuit | 饼干
lollipop: lollipop | 棒棒糖
wine glass: glass of wine, wine glass | 红酒, 酒杯
wolf: wolf | 狼
cow face: cow | 牛, 奶牛
mouse face: mouse | 老鼠
hamster: hamster | 仓鼠
koala: koala | 考拉
ewe: sheep | 羊, 绵羊
baby chick: chick, baby chick | 小鸡
dolphin: dolphin | 海豚
shark: shark | 鲨鱼
crab: crab | 螃蟹
snail: snail | 蜗牛
honeybee: bee, honeybee | 蜜蜂
lady beetle: ladybug, ladybird | 瓢虫
maple leaf: maple leaf, autumn leaf | 枫叶
potted plant: potted plant, house plant | 盆栽
snow-capped mountain: mountain, snowy mountain | 山, 雪山
volcano: volcano | 火山
tent: tent | 帐篷
fire engine: fire truck, fire engine | 消防车
delivery truck: truck, lorry | 卡车
helicopter: helicopter | 直升机
flying saucer: ufo, flying saucer | 飞碟
ship: ship, cruise ship | 轮船
alarm clock: alarm clock, clock | 闹钟
full moon: full moon | 满月
ringed planet: planet, saturn | 行星, 土星
globe showing Europe-Africa: earth, globe, planet earth | 地球
high voltage: lightning bolt, lightning | 闪电
snowflake: snowflake | 雪花
fire: fire, flame | 火, 火焰
droplet: water drop, droplet | 水滴
jack-o-lantern: jack-o-lantern, halloween pumpkin | 南瓜灯, 南瓜
Christmas tree: christmas tree | 圣诞树
wrapped gift: gift, present | 礼物
trophy: trophy, gold cup | 奖杯
basketball: basketball | 篮球
teddy bear: teddy bear | 泰迪熊
t-shirt: t-shirt, shirt | 衬衫
top hat: top hat, hat | 帽子
gem stone: diamond, gem, gemstone | 钻石, 宝石
bell: bell | 铃铛
guitar: guitar | 吉他
mobile phone: phone, smartphone | 手机
camera: camera | 相机
light bulb: light bulb | 灯泡
candle: candle | 蜡烛
closed book: book | 书
pencil: pencil | 铅笔
locked: padlock, lock | 锁
key: key | 钥匙
bomb: bomb | 炸弹
skull: skull | 骷髅
alien: alien | 外星人
smiling face with heart-eyes: heart eyes emoji | 爱心眼笑脸
red triangle pointed up: triangle | 三角形
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One thing the model can draw, under the names people type."""

    label: str
    names: tuple[str, ...]
    chinese: tuple[str, ...]
    weight: float


def _parse(table: str, *, weight: float) -> list[Concept]:
    """Read one table of concepts."""
    concepts = []
    for line in table.strip().splitlines():
        label, words = line.split(": ", 1)
        names, chinese = (tuple(part.split(", ")) for part in words.split(" | "))
        concepts.append(Concept(label=label, names=names, chinese=chinese, weight=weight))
    return concepts


CONCEPTS: tuple[Concept, ...] = (
    *_parse(_FIRST_TRIED, weight=6.0),
    *_parse(_FAVOURITES, weight=2.6),
    *_parse(_OTHERS, weight=1.0),
)
