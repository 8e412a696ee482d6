export function singleFile(root: string): string;
