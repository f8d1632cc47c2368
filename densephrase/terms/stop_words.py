"""English words that say how a sentence or a question is built, not what it is about."""

_ARTICLES_AND_PARTICLES = "a an the and or but if not no nor so than then as of at by for from in into on onto to with"
_PRONOUNS = (
    "i me my mine we us our ours you your yours he him his she her hers it its they them their theirs "
    "this that these those there here such itself himself herself themselves"
)
_AUXILIARIES = (
    "am is are was were be been being do does did done doing have has had having "
    "can could will would shall should may might must"
)
_QUESTION_WORDS = "who whom whose what when where which why how"
_LEFT_BY_APOSTROPHES = "s"

ENGLISH_STOP_WORDS = frozenset(
    " ".join((_ARTICLES_AND_PARTICLES, _PRONOUNS, _AUXILIARIES, _QUESTION_WORDS, _LEFT_BY_APOSTROPHES)).split()
)
