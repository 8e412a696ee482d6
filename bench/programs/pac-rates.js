// Times FindProxyForURL of the PAC files in the JSON on standard input, in the engine named: node or chromium.
// Prints lookups per second for each file, and how many answers were the first file's.
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

const [, , engine] = process.argv;
const { files, questions, milliseconds } = JSON.parse(readFileSync(0, 'utf8'));

// What clients define for PAC files: for addresses as hosts, isInNet needs no lookup.
const LIBRARY = `
function convertAddress(text) {
  var bytes = text.split('.');
  return ((bytes[0] & 255) << 24) | ((bytes[1] & 255) << 16) | ((bytes[2] & 255) << 8) | (bytes[3] & 255);
}
function isInNet(host, pattern, mask) {
  if (!/^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(host)) return false;
  var m = convertAddress(mask);
  return (convertAddress(host) & m) === (convertAddress(pattern) & m);
}
function shExpMatch(text, pattern) {
  return new RegExp('^' + pattern.replace(/\\./g, '\\\\.').replace(/\\*/g, '.*').replace(/\\?/g, '.') + '$').test(text);
}
`;
const MEASURE = `
(function (questions, milliseconds) {
  var answers = [];
  for (var i = 0; i < questions.length; i++) answers.push(FindProxyForURL(questions[i].url, questions[i].host));
  var begin = Date.now();
  var asked = 0;
  do {
    for (var j = 0; j < questions.length; j++) FindProxyForURL(questions[j].url, questions[j].host);
    asked += questions.length;
  } while (Date.now() - begin < milliseconds);
  return { rate: (asked * 1000) / (Date.now() - begin), answers: answers };
})`;

const measured = [];
if (engine === 'node') {
  for (const text of files) {
    const context = createContext({});
    runInContext(LIBRARY + text, context);
    const measure = runInContext(MEASURE, context);
    measured.push(measure(questions, milliseconds));
  }
} else {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  for (const text of files) {
    const page = await browser.newPage();
    measured.push(
      await page.evaluate(`0;
${LIBRARY}
${text}
${MEASURE}(${JSON.stringify(questions)}, ${milliseconds})`),
    );
  }
  await browser.close();
}
const [truth] = measured;
process.stdout.write(
  JSON.stringify(
    measured.map(({ rate, answers }) => ({
      rate,
      same: answers.filter((answer, index) => answer === truth.answers[index]).length,
    })),
  ),
);
