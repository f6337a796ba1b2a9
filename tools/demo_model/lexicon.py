"""Word tables of the translation grammar: each row is one concept in English, Chinese, French and Spanish."""

LANGUAGES = ("English", "Chinese", "French", "Spanish")

# English; Chinese, its measure word; French and its gender; Spanish and its gender.
THINGS = """
apple 苹果 个 pomme f manzana f
book 书 本 livre m libro m
house 房子 座 maison f casa f
car 汽车 辆 voiture f coche m
table 桌子 张 table f mesa f
chair 椅子 把 chaise f silla f
lamp 灯 盏 lampe f lámpara f
cup 杯子 个 tasse f taza f
spoon 勺子 把 cuillère f cuchara f
knife 刀 把 couteau m cuchillo m
plate 盘子 个 plat m plato m
shirt 衬衫 件 chemise f camisa f
hat 帽子 顶 chapeau m sombrero m
bag 包 个 sac m bolso m
letter 信 封 lettre f carta f
flower 花 朵 fleur f flor f
tomato 西红柿 个 tomate f tomate m
pear 梨 个 poire f pera f
bread 面包 个 pain m pan m
cheese 奶酪 块 fromage m queso m
cake 蛋糕 个 gâteau m pastel m
boat 船 艘 bateau m barco m
bicycle 自行车 辆 bicyclette f bicicleta f
door 门 扇 porte f puerta f
window 窗户 扇 fenêtre f ventana f
garden 花园 座 jardin m jardín m
bed 床 张 lit m cama f
clock 钟 座 pendule f reloj m
ball 球 个 balle f pelota f
box 盒子 个 boîte f caja f
key 钥匙 把 clé f llave f
stone 石头 块 pierre f piedra f
bridge 桥 座 pont m puente m
picture 画 幅 tableau m cuadro m
pencil 铅笔 支 crayon m lápiz m
basket 篮子 个 panier m cesta f
"""

BEINGS = """
cat 猫 只 chat m gato m
dog 狗 只 chien m perro m
horse 马 匹 cheval m caballo m
cow 牛 头 vache f vaca f
bird 鸟 只 moineau m pájaro m
rabbit 兔子 只 lapin m conejo m
mouse 老鼠 只 souris f ratón m
frog 青蛙 只 grenouille f rana f
duck 鸭子 只 canard m pato m
teacher 老师 位 professeur m profesor m
doctor 医生 位 médecin m médico m
friend 朋友 位 copain m amigo m
brother 哥哥 位 frère m hermano m
sister 姐姐 位 sœur f hermana f
mother 妈妈 位 mère f madre f
father 爸爸 位 père m padre m
neighbor 邻居 位 voisin m vecino m
baker 面包师 位 boulanger m panadero m
"""

# English; Chinese before a noun, Chinese as a predicate; French m f; Spanish m f. All stand after the noun in
# French and Spanish.
QUALITIES = """
red 红色的 是红色的 rouge rouge rojo roja
green 绿色的 是绿色的 vert verte verde verde
black 黑色的 是黑色的 noir noire negro negra
white 白色的 是白色的 blanc blanche blanco blanca
blue 蓝色的 是蓝色的 bleu bleue azul azul
yellow 黄色的 是黄色的 jaune jaune amarillo amarilla
fast 快的 很快 rapide rapide rápido rápida
strong 强壮的 很强壮 fort forte fuerte fuerte
famous 有名的 很有名 célèbre célèbre famoso famosa
strange 奇怪的 很奇怪 bizarre bizarre extraño extraña
heavy 重的 很重 lourd lourde pesado pesada
clean 干净的 很干净 propre propre limpio limpia
dirty 脏的 很脏 sale sale sucio sucia
perfect 完美的 很完美 parfait parfaite perfecto perfecta
"""

# English (plain and third person); Chinese; French stem of a regular -er verb; Spanish stem and its class.
VERBS = """
watch watches 看 regard mir ar
want wants 想要 désir dese ar
wash washes 洗 lav lav ar
carry carries 带 port llev ar
draw draws 画 dessin dibuj ar
touch touches 摸 touch toc ar
keep keeps 保管 gard guard ar
find finds 找到 trouv hall ar
seek seeks 找 cherch busc ar
sell sells 卖 vend vend er
love loves 爱 ador am ar
cut cuts 切 coup cort ar
prepare prepares 准备 prépar prepar ar
hide hides 藏 cach ocult ar
break breaks 打破 cass romp er
"""

# English; Chinese; French; Spanish. Ends a sentence, but stands after the subject in Chinese.
TIMES = """
now|现在|maintenant|ahora
every day|每天|chaque jour|cada día
this morning|今天早上|ce matin|esta mañana
this evening|今天晚上|ce soir|esta noche
on Monday|星期一|lundi|el lunes
on Friday|星期五|vendredi|el viernes
on Sunday|星期天|dimanche|el domingo
"""

PLACES = """
in the kitchen|在厨房里|dans la cuisine|en la cocina
in the park|在公园里|dans le parc|en el parque
in the city|在城市里|dans la ville|en la ciudad
in the forest|在森林里|dans la forêt|en el bosque
at the market|在市场上|sur le marché|en el mercado
on the beach|在海滩上|sur la plage|en la playa
in the school|在学校里|dans le lycée|en la escuela
in the street|在街上|dans la rue|en la calle
"""

# English, Chinese, French, Spanish; the grammatical person picks the verb's form.
PRONOUNS = [
    ("I", "我", "Je", "Yo", 0),
    ("You", "你", "Tu", "Tú", 1),
    ("He", "他", "Il", "Él", 2),
    ("She", "她", "Elle", "Ella", 2),
    ("We", "我们", "Nous", "Nosotros", 3),
    ("They", "他们", "Ils", "Ellos", 5),
]

# Determiner: English; Chinese, and whether a measure word follows; French m, f; Spanish m, f.
DETERMINERS = [
    ("the", "", False, "le", "la", "el", "la"),
    ("a", "一", True, "un", "une", "un", "una"),
    ("this", "这", True, "ce", "cette", "este", "esta"),
    ("my", "我的", False, "mon", "ma", "mi", "mi"),
    ("your", "你的", False, "ton", "ta", "tu", "tu"),
]

FRENCH_ENDINGS = ("e", "es", "e", "ons", "ez", "ent")
SPANISH_ENDINGS = {"ar": ("o", "as", "a", "amos", "áis", "an"), "er": ("o", "es", "e", "emos", "éis", "en")}
FRENCH_BE = ("suis", "es", "est", "sommes", "êtes", "sont")


def rows(table, separator=None):
    return [tuple(line.split(separator)) for line in table.strip().splitlines()]
