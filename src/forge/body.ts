/** The room for the sentence that says what is missing. */
const ROOM = 200;

/**
 * A Markdown text of at most `limit` characters: whole where it fits, else cut before a heading, so that no
 * table, list or fold is torn; the last line then says how many sections are missing and where they stand. A
 * first section that is too long by itself is cut at the end of a paragraph.
 */
export function cutBody(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const sections = sectionsOf(text);
  const room = Math.max(0, limit - ROOM);
  let kept = 0;
  let length = 0;
  while (kept < sections.length && length + sections[kept]!.length <= room) {
    length += sections[kept]!.length;
    kept++;
  }
  if (kept > 0) {
    const missing = sections.length - kept;
    const rest = `… and ${missing} more ${missing === 1 ? 'section' : 'sections'}: REVIEW.md in this change has everything.\n`;
    return `${sections.slice(0, kept).join('').trimEnd()}\n\n${rest}`;
  }
  const end = Math.max(
    text.lastIndexOf('\n\n', room),
    // A single paragraph without end.
    text.lastIndexOf(' ', room) > room / 2 && text.lastIndexOf('\n\n', room) < 0 ? room : 0,
  );
  return `${text.slice(0, end).trimEnd()}\n\n… and more: REVIEW.md in this change has everything.\n`;
}

/** Split before every heading that stands outside of fences and folds. */
function sectionsOf(text: string): string[] {
  const sections: string[] = [''];
  let fenced = false;
  let folds = 0;
  for (const line of text.split(/(?<=\n)/)) {
    if (line.startsWith('```')) fenced = !fenced;
    else if (!fenced) {
      folds += (line.match(/<details>/g) ?? []).length - (line.match(/<\/details>/g) ?? []).length;
      if (/^#{1,6} /.test(line) && folds === 0) sections.push('');
    }
    sections[sections.length - 1] += line;
  }
  return sections.filter((section) => section !== '');
}
