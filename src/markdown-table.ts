/** A table of Markdown, the first row its titles. A bar in a cell is escaped; everything else is Markdown already. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows.map((cells) => cells.map((cell) => cell.trim().replaceAll('|', '\\|')));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head!), `|${'---|'.repeat(head!.length)}`, ...body.map(line)].join('\n');
}

/** Text of our own with code in backticks, so that outside of the code nothing is taken for markup. */
export function plainMarkdown(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/[*_<>[\]]/g, '\\$&')))
    .join('');
}
