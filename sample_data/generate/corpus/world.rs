//! The words of the small world, and what is true of them.

pub const NAMES: [&str; 20] = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Ida", "Jack", "Kate", "Leo", "Mia", "Nora",
    "Oscar", "Paul", "Rosa", "Sam", "Tina", "Victor",
];

/// Zero to twenty.
pub const NUMBERS: [&str; 21] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
];

/// A countable thing and its kind.
#[derive(Clone, Copy)]
pub struct Noun {
    pub one: &'static str,
    pub many: &'static str,
    pub kind: &'static str,
}

const fn noun(kind: &'static str, one: &'static str, many: &'static str) -> Noun {
    Noun { one, many, kind }
}

/// Kinds of things, one and many.
pub const KINDS: [(&str, &str); 6] = [
    ("animal", "animals"),
    ("fruit", "fruits"),
    ("tool", "tools"),
    ("vehicle", "vehicles"),
    ("garment", "garments"),
    ("instrument", "instruments"),
];

pub const NOUNS: [Noun; 72] = [
    noun("animal", "cat", "cats"),
    noun("animal", "dog", "dogs"),
    noun("animal", "horse", "horses"),
    noun("animal", "fox", "foxes"),
    noun("animal", "wolf", "wolves"),
    noun("animal", "mouse", "mice"),
    noun("animal", "goose", "geese"),
    noun("animal", "rabbit", "rabbits"),
    noun("animal", "pony", "ponies"),
    noun("animal", "lion", "lions"),
    noun("animal", "bear", "bears"),
    noun("animal", "frog", "frogs"),
    noun("fruit", "apple", "apples"),
    noun("fruit", "pear", "pears"),
    noun("fruit", "plum", "plums"),
    noun("fruit", "cherry", "cherries"),
    noun("fruit", "peach", "peaches"),
    noun("fruit", "lemon", "lemons"),
    noun("fruit", "orange", "oranges"),
    noun("fruit", "banana", "bananas"),
    noun("fruit", "melon", "melons"),
    noun("fruit", "berry", "berries"),
    noun("fruit", "fig", "figs"),
    noun("fruit", "mango", "mangoes"),
    noun("tool", "hammer", "hammers"),
    noun("tool", "saw", "saws"),
    noun("tool", "knife", "knives"),
    noun("tool", "brush", "brushes"),
    noun("tool", "drill", "drills"),
    noun("tool", "axe", "axes"),
    noun("tool", "spade", "spades"),
    noun("tool", "rake", "rakes"),
    noun("tool", "wrench", "wrenches"),
    noun("tool", "ladder", "ladders"),
    noun("tool", "file", "files"),
    noun("tool", "shovel", "shovels"),
    noun("vehicle", "car", "cars"),
    noun("vehicle", "bus", "buses"),
    noun("vehicle", "train", "trains"),
    noun("vehicle", "ship", "ships"),
    noun("vehicle", "bike", "bikes"),
    noun("vehicle", "truck", "trucks"),
    noun("vehicle", "plane", "planes"),
    noun("vehicle", "boat", "boats"),
    noun("vehicle", "tram", "trams"),
    noun("vehicle", "taxi", "taxis"),
    noun("vehicle", "van", "vans"),
    noun("vehicle", "ferry", "ferries"),
    noun("garment", "shirt", "shirts"),
    noun("garment", "coat", "coats"),
    noun("garment", "dress", "dresses"),
    noun("garment", "hat", "hats"),
    noun("garment", "scarf", "scarves"),
    noun("garment", "glove", "gloves"),
    noun("garment", "sock", "socks"),
    noun("garment", "shoe", "shoes"),
    noun("garment", "skirt", "skirts"),
    noun("garment", "jacket", "jackets"),
    noun("garment", "boot", "boots"),
    noun("garment", "belt", "belts"),
    noun("instrument", "piano", "pianos"),
    noun("instrument", "violin", "violins"),
    noun("instrument", "drum", "drums"),
    noun("instrument", "flute", "flutes"),
    noun("instrument", "guitar", "guitars"),
    noun("instrument", "trumpet", "trumpets"),
    noun("instrument", "harp", "harps"),
    noun("instrument", "horn", "horns"),
    noun("instrument", "cello", "cellos"),
    noun("instrument", "organ", "organs"),
    noun("instrument", "bell", "bells"),
    noun("instrument", "lute", "lutes"),
];

/// Small things that are counted, carried and given away: one and many.
pub const OBJECTS: [(&str, &str); 12] = [
    ("cup", "cups"),
    ("book", "books"),
    ("ball", "balls"),
    ("coin", "coins"),
    ("lamp", "lamps"),
    ("key", "keys"),
    ("pen", "pens"),
    ("box", "boxes"),
    ("card", "cards"),
    ("stone", "stones"),
    ("egg", "eggs"),
    ("button", "buttons"),
];

/// A verb and its past.
pub const VERBS: [(&str, &str); 48] = [
    ("walk", "walked"),
    ("jump", "jumped"),
    ("play", "played"),
    ("look", "looked"),
    ("help", "helped"),
    ("call", "called"),
    ("ask", "asked"),
    ("open", "opened"),
    ("paint", "painted"),
    ("cook", "cooked"),
    ("wash", "washed"),
    ("laugh", "laughed"),
    ("dance", "danced"),
    ("smile", "smiled"),
    ("close", "closed"),
    ("carry", "carried"),
    ("try", "tried"),
    ("cry", "cried"),
    ("hurry", "hurried"),
    ("stop", "stopped"),
    ("plan", "planned"),
    ("drop", "dropped"),
    ("hop", "hopped"),
    ("go", "went"),
    ("come", "came"),
    ("see", "saw"),
    ("eat", "ate"),
    ("drink", "drank"),
    ("run", "ran"),
    ("sing", "sang"),
    ("swim", "swam"),
    ("write", "wrote"),
    ("take", "took"),
    ("give", "gave"),
    ("make", "made"),
    ("find", "found"),
    ("buy", "bought"),
    ("bring", "brought"),
    ("think", "thought"),
    ("sleep", "slept"),
    ("sit", "sat"),
    ("stand", "stood"),
    ("speak", "spoke"),
    ("fly", "flew"),
    ("grow", "grew"),
    ("ride", "rode"),
    ("sell", "sold"),
    ("teach", "taught"),
];

/// Words that are each other's opposite.
pub const OPPOSITES: [(&str, &str); 26] = [
    ("hot", "cold"),
    ("big", "small"),
    ("fast", "slow"),
    ("old", "young"),
    ("tall", "short"),
    ("full", "empty"),
    ("wet", "dry"),
    ("hard", "soft"),
    ("dark", "bright"),
    ("rich", "poor"),
    ("happy", "sad"),
    ("early", "late"),
    ("high", "low"),
    ("loud", "quiet"),
    ("clean", "dirty"),
    ("strong", "weak"),
    ("thick", "thin"),
    ("heavy", "light"),
    ("wide", "narrow"),
    ("near", "far"),
    ("deep", "shallow"),
    ("sharp", "blunt"),
    ("sweet", "sour"),
    ("good", "bad"),
    ("cheap", "costly"),
    ("true", "false"),
];

/// An adjective and its comparative.
pub const COMPARATIVES: [(&str, &str); 36] = [
    ("hot", "hotter"),
    ("cold", "colder"),
    ("big", "bigger"),
    ("small", "smaller"),
    ("fast", "faster"),
    ("slow", "slower"),
    ("old", "older"),
    ("young", "younger"),
    ("tall", "taller"),
    ("short", "shorter"),
    ("wet", "wetter"),
    ("dry", "drier"),
    ("hard", "harder"),
    ("soft", "softer"),
    ("dark", "darker"),
    ("bright", "brighter"),
    ("rich", "richer"),
    ("poor", "poorer"),
    ("happy", "happier"),
    ("sad", "sadder"),
    ("early", "earlier"),
    ("late", "later"),
    ("high", "higher"),
    ("low", "lower"),
    ("loud", "louder"),
    ("quiet", "quieter"),
    ("clean", "cleaner"),
    ("dirty", "dirtier"),
    ("strong", "stronger"),
    ("weak", "weaker"),
    ("thin", "thinner"),
    ("heavy", "heavier"),
    ("wide", "wider"),
    ("good", "better"),
    ("bad", "worse"),
    ("far", "farther"),
];

pub const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The season of the month with this index (January is 0), north of the equator.
pub fn season(month: usize) -> &'static str {
    ["winter", "spring", "summer", "autumn"][(month + 1) % 12 / 3]
}

/// A large unit, a small one, and how many small ones make a large one; both in the plural.
#[derive(Clone, Copy)]
pub struct Unit {
    pub many: &'static str,
    pub small: &'static str,
    pub factor: usize,
}

const fn unit(many: &'static str, small: &'static str, factor: usize) -> Unit {
    Unit { many, small, factor }
}

pub const UNITS: [Unit; 6] = [
    unit("hours", "minutes", 60),
    unit("weeks", "days", 7),
    unit("days", "hours", 24),
    unit("years", "months", 12),
    unit("metres", "centimetres", 100),
    unit("kilograms", "grams", 1000),
];

pub const COLOURS: [&str; 8] = ["red", "blue", "green", "yellow", "black", "white", "brown", "grey"];

/// Where people are.
pub const ROOMS: [&str; 8] = [
    "in the kitchen",
    "in the garden",
    "in the cellar",
    "in the hall",
    "in the school",
    "in the park",
    "at the station",
    "at the market",
];

/// Where things are put.
pub const PLACES: [&str; 8] = [
    "in the kitchen",
    "in the hall",
    "in the cellar",
    "on the table",
    "on the shelf",
    "on the bench",
    "under the bed",
    "behind the door",
];

/// What guests speak of, with the words that praise it and those that blame it.
pub const REVIEWED: [&str; 8] = ["soup", "room", "film", "cake", "show", "tea", "hotel", "song"];
pub const PRAISE: [&str; 8] = ["lovely", "great", "wonderful", "excellent", "perfect", "superb", "charming", "fine"];
pub const BLAME: [&str; 8] = ["awful", "terrible", "horrible", "poor", "dull", "nasty", "dreadful", "boring"];
