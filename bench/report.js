/** A table in Markdown; numbers with three significant digits. */
export function markdown(sections) {
  return sections
    .map((section) => {
      const lines = [`## ${section.title}`, ''];
      if (section.note) lines.push(section.note, '');
      const columns = section.columns ?? [
        ['name', 'who'],
        ['milliseconds', 'ms'],
        ['ratio', '× ours'],
        ['memory', 'peak MB'],
        ['verdict', ''],
      ];
      const shown = columns.filter(([key]) => section.rows.some((row) => row[key] !== undefined));
      lines.push(`| ${shown.map(([, title]) => title).join(' | ')} |`, `|${'---|'.repeat(shown.length)}`);
      for (const row of section.rows) lines.push(`| ${shown.map(([key]) => cell(row[key])).join(' | ')} |`);
      return `${lines.join('\n')}\n`;
    })
    .join('\n');
}

function cell(value) {
  if (value === undefined) return '';
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
