/**
 * Two output trees that differ in every way two trees can: files changed, added, removed, folders that come and
 * go, a file that becomes a folder and a folder that becomes a file; and files that stay the same.
 *
 * @param {string} name `old` or `new`
 * @param {number} size how many rule files that change
 * @returns {Map<string, string>}
 */
export function generation(name, size) {
  const files = new Map();
  files.set('allowlist.lock.json', `${JSON.stringify({ name })}\n`);
  files.set('same.txt', 'the same in both\n');
  files.set('deep/er/same.txt', 'the same in both\n');
  for (let index = 0; index < size; index += 1) {
    files.set(`rules-${index % 5}/${index}.txt`, `${name} ${index}\n`.repeat(1 + (index % 40)));
  }
  files.set(`only-${name}/a/b.txt`, `${name}\n`);
  if (name === 'old') {
    files.set('turns', 'a file, then a folder\n');
    files.set('turns-back/x/y.txt', 'a folder, then a file\n');
  } else {
    files.set('turns/inside.txt', 'in the folder\n');
    files.set('turns-back', 'the file\n');
  }
  return files;
}
