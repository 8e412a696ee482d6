/**
 * The date in a published file's name (`ServiceTags_Public_20250714.json.gz` → `2025-07-14`).
 * Undefined where the name ends otherwise (`…_Latest.json`) or the digits are not a date.
 */
export function fileDateOf(name: string): string | undefined {
  const match = /_(\d{4})(\d{2})(\d{2})\.(?:json|xml)(?:\.gz)?$/i.exec(name);
  if (match === null) return undefined;
  const date = `${match[1]}-${match[2]}-${match[3]}`;
  return isDate(date) ? date : undefined;
}

/** Whether the text is a day of the calendar, as YYYY-MM-DD. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const DAY = 86_400_000;

/** The day that many days later (or earlier, for a negative count). */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);
}

/** Days from one day to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY);
}
