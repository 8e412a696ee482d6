/** Bundles the script and the style of the HTML review, in memory. */
export function bundlePage(): Promise<{ script: string; style: string }>;
