"""What the pocket model knows by name: emojibase labels, and the words people type for them.

A line of the table is `label: name, other name`. The favourites are drawn three times as often,
because they are what people try first. The composer adds the colour words.
"""

from dataclasses import dataclass

_FAVOURITES = """
red apple: apple
banana: banana
strawberry: strawberry
lemon: lemon
tangerine: orange fruit, tangerine
watermelon: watermelon
grapes: grapes, bunch of grapes
pizza: pizza, pizza slice
hamburger: burger, hamburger, cheeseburger
doughnut: donut, doughnut
birthday cake: birthday cake, cake
soft ice cream: ice cream, ice cream cone
hot beverage: cup of coffee, coffee, cup of tea
mushroom: mushroom, toadstool
cat face: cat, cat face, kitten, kitty
dog face: dog, dog face, puppy
fox: fox, fox face
rabbit face: rabbit, bunny
bear: bear, teddy
panda: panda, panda bear
lion: lion
tiger face: tiger
frog: frog
pig face: pig, piglet
penguin: penguin
owl: owl
elephant: elephant
horse: horse
unicorn: unicorn
fish: fish
tropical fish: tropical fish
spouting whale: whale
octopus: octopus
butterfly: butterfly
bird: bird
duck: duck
turtle: turtle, tortoise
dragon face: dragon, dragon head
sunflower: sunflower
tulip: tulip, flower
rose: rose
cherry blossom: cherry blossom, blossom
evergreen tree: pine tree, fir tree, evergreen tree
deciduous tree: tree, oak tree
palm tree: palm tree
cactus: cactus
red heart: heart, love heart
star: star
sun with face: sun
crescent moon: moon, crescent moon
cloud: cloud
rainbow: rainbow
automobile: car, automobile
bus: bus
bicycle: bicycle, bike
locomotive: steam train, train, locomotive
airplane: airplane, plane, aeroplane
rocket: rocket, spaceship, space rocket
sailboat: sailboat, boat, sailing boat
house: house, home
castle: castle
soccer ball: football, soccer ball
balloon: balloon
crown: crown
robot: robot
ghost: ghost
red circle: circle
red square: square
"""

_OTHERS = """
pear: pear
peach: peach
cherries: cherries
blueberries: blueberries
pineapple: pineapple
kiwi fruit: kiwi
tomato: tomato
coconut: coconut
avocado: avocado
eggplant: eggplant, aubergine
carrot: carrot
ear of corn: corn, ear of corn
hot pepper: chili pepper, chilli
broccoli: broccoli
bread: bread, loaf of bread
croissant: croissant
pretzel: pretzel
pancakes: pancakes
cheese wedge: cheese
french fries: french fries, fries
hot dog: hot dog
taco: taco
cooking: fried egg
popcorn: popcorn
sushi: sushi
cookie: cookie, biscuit
cupcake: cupcake, muffin
lollipop: lollipop
candy: candy, sweet
teapot: teapot
wine glass: glass of wine, wine glass
cocktail glass: cocktail, martini
beer mug: beer, mug of beer
monkey face: monkey
gorilla: gorilla
wolf: wolf
raccoon: raccoon
horse face: horse head
zebra: zebra
cow face: cow
mouse face: mouse
hamster: hamster
koala: koala
giraffe: giraffe
camel: camel
ewe: sheep
hedgehog: hedgehog
bat: bat
chicken: chicken, hen
hatching chick: hatching chick
baby chick: chick, baby chick
eagle: eagle
flamingo: flamingo
parrot: parrot
swan: swan
crocodile: crocodile, alligator
snake: snake
sauropod: dinosaur, brontosaurus
T-Rex: t-rex, tyrannosaurus
dolphin: dolphin
shark: shark
blowfish: pufferfish
crab: crab
spiral shell: seashell, shell
snail: snail
honeybee: bee, honeybee
lady beetle: ladybug, ladybird
spider: spider
hibiscus: hibiscus
bouquet: bouquet, bunch of flowers
four leaf clover: four leaf clover, clover
maple leaf: maple leaf, autumn leaf
leaf fluttering in wind: leaves, leaf
potted plant: potted plant, house plant
snow-capped mountain: mountain, snowy mountain
volcano: volcano
tent: tent
sunrise over mountains: sunrise over mountains
sunset: city sunset
church: church
office building: skyscraper, office building
Statue of Liberty: statue of liberty
ferris wheel: ferris wheel
taxi: taxi, cab
police car: police car
fire engine: fire truck, fire engine
ambulance: ambulance
delivery truck: truck, lorry
tractor: tractor
racing car: racing car, race car
motorcycle: motorcycle, motorbike
motor scooter: scooter
helicopter: helicopter
flying saucer: ufo, flying saucer
ship: ship, cruise ship
anchor: anchor
alarm clock: alarm clock, clock
hourglass done: hourglass
sun: bright sun
full moon: full moon
ringed planet: planet, saturn
globe showing Europe-Africa: earth, globe, planet earth
high voltage: lightning bolt, lightning
snowflake: snowflake
snowman: snowman
fire: fire, flame
droplet: water drop, droplet
water wave: wave, ocean wave
umbrella: umbrella
jack-o-lantern: jack-o-lantern, halloween pumpkin
Christmas tree: christmas tree
wrapped gift: gift, present
sparkles: sparkles
trophy: trophy, gold cup
basketball: basketball
tennis: tennis ball
american football: american football
baseball: baseball
game die: dice, die
teddy bear: teddy bear
kite: kite
artist palette: paint palette
glasses: glasses
t-shirt: t-shirt, shirt
dress: dress
high-heeled shoe: high heel, high-heeled shoe
top hat: top hat
gem stone: diamond, gem, gemstone
ring: ring, diamond ring
bell: bell
guitar: guitar
trumpet: trumpet
drum: drum
violin: violin
headphone: headphones
mobile phone: phone, smartphone
laptop: laptop, computer
television: television, tv
camera: camera
light bulb: light bulb
candle: candle
books: books, stack of books
closed book: book
envelope: envelope, letter
package: cardboard box, parcel
pencil: pencil
scissors: scissors
locked: padlock, lock
key: key
hammer: hammer
magnet: magnet
chair: chair
bed: bed
door: door
money bag: bag of money, money bag
treasure chest: treasure chest
bomb: bomb
skull: skull
alien: alien
smiling face with sunglasses: cool emoji, smiley with sunglasses
grinning face with big eyes: smiley, smiley face, happy face
face with tears of joy: laughing emoji
smiling face with heart-eyes: heart eyes emoji
crying face: crying face, sad face
red triangle pointed up: triangle
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One thing the model can draw, under the names people type."""

    label: str
    names: tuple[str, ...]
    weight: float


def _parse(table: str, *, weight: float) -> list[Concept]:
    """Read one table of concepts."""
    concepts = []
    for line in table.strip().splitlines():
        label, names = line.split(": ", 1)
        concepts.append(Concept(label=label, names=tuple(names.split(", ")), weight=weight))
    return concepts


CONCEPTS: tuple[Concept, ...] = (*_parse(_FAVOURITES, weight=3.0), *_parse(_OTHERS, weight=1.0))
