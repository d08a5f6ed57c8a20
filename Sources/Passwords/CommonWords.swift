/// What the commonest passwords are made of, after the public lists of leaked ones: not whole passwords, but what is
/// left of them without digits, years and substitutions.
enum CommonWords {
    static let tree: WordTree = {
        var tree = WordTree()
        for line in lines {
            for word in line.split(separator: " ") { tree.insert(PasswordBlocklist.reading(of: word.unicodeScalars)) }
        }
        return tree
    }()

    /// Refused as a whole only: the words of the best known example are ordinary ones.
    static let famous: Set<String> = ["correcthorsebatterystaple"]

    private static let lines = [
        // Passwords about passwords, and the words of systems.
        "password passwords passwd passwort pass pwd passcode passphrase motdepasse contraseña senha wachtwoord",
        "parola пароль парол salasana lozenka heslo haslo mypassword yourpassword newpassword oldpassword thisismy",
        "thisisa secret topsecret supersecret secure security verysecure welcome willkommen bienvenue letmein",
        "letmeinplease login logon signin access opensesame abracadabra changeme changeit temp temporary default",
        "test tests testing tester guest root toor user username admin admins administrator sysadmin superuser",
        "super server service demo portcullis company master database oracle postgres mysql cisco ubuntu linux",
        "windows microsoft google facebook internet computer samsung apple android iphone laptop qwerty qwertz",
        "azerty azertyuiop wxcvbn dvorak asdf asd qwe qwer zxc zxcv qazwsx abc abcd xyz 123 321",
        // Figures drawn on a number pad, and numbers known by heart.
        "147258 258369 147258369 159753 159357 357951 741852 852963 741852963 963852 789456 456123 789456123 987654",
        "31415926 3141592653589793 27182818 deadbeef cafebabe 1337 31337 8675309",
        // Endearments, oaths and praise.
        "iloveyou ilove loveyou loveme lovely love forever somuch ihateyou hateyou hello helloworld fuckyou fuckoff",
        "asshole whatever nothing nopass trustno1 sexy babygirl baby angel sweet sweetie honey cutie hottie",
        "beautiful gorgeous iamthebest thebest lucky happy blessed jesus jesuschrist jesusisking godisgood christ",
        "faith freedom",
        // Names.
        "michael michelle jennifer jessica jonathan jordan joshua james john johnny robert robin thomas william",
        "daniel david andrew andrea anthony matthew nicholas nicole natasha ashley amanda hannah samantha sandra",
        "sarah melissa charlie charles george hunter harley maggie jasmine joseph justin brandon patrick taylor",
        "tigger buster bailey alexander alexis elizabeth victoria vanessa veronica carlos maria martin oliver",
        "sophie",
        // Beasts, food, flowers and the weather.
        "monkey dragon tiger phoenix dolphin kitty hellokitty puppy sunshine banana chocolate strawberry pepper",
        "midnight shadow thunder summer winter spring autumn sommer herbst fruehling frühling sunny",
        // Sports, cars, films, music and games.
        "football futbol baseball basketball softball soccer hockey fußball liverpool chelsea arsenal barcelona",
        "realmadrid manchester juventus lakers yankees steelers ferrari porsche mercedes mustang corvette camaro",
        "yamaha superman batman spiderman ironman starwars startrek matrix merlin gandalf princess king ninja",
        "samurai warrior killer hacker ranger player gamer pokemon pikachu minecraft fortnite roblox mario zelda",
        "naruto blink182 metallica slipknot nirvana eminem maverick supercalifragilisticexpialidocious",
        "maytheforcebewithyou nevergonnagiveyouup czechout",
        // Months and weekdays.
        "january february march april may june july august september october november december januar februar märz",
        "mai juni juli oktober dezember monday tuesday wednesday thursday friday saturday sunday montag dienstag",
        "mittwoch donnerstag freitag samstag sonntag",
    ]
}
