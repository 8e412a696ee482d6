/** `berlin, paris and 12 more` */
export function namesInWords(names: readonly string[], shown = 3): string {
  if (names.length <= shown + 1) return names.join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `${names.slice(0, shown).join(', ')} and ${names.length - shown} more`;
}
