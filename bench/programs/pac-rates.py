# Times FindProxyForURL of the PAC files in the JSON on standard input, in pacparser.
import json, sys, time
import pacparser

work = json.load(sys.stdin)
measured = []
for text in work["files"]:
    pacparser.init()
    pacparser.parse_pac_string(text)
    ask = lambda each: pacparser.find_proxy(each["url"], each["host"])
    answers = [ask(each) for each in work["questions"]]
    asked, begin = 0, time.monotonic()
    while time.monotonic() - begin < work["milliseconds"] / 1000:
        ask(work["questions"][asked % len(work["questions"])])
        asked += 1
    measured.append((asked / (time.monotonic() - begin), answers))
    pacparser.cleanup()
truth = measured[0][1]
print(json.dumps([{"rate": rate, "same": sum(a == b for a, b in zip(answers, truth))} for rate, answers in measured]))
