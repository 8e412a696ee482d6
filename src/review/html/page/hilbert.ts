/** Cells along a side of the map: one cell an IPv4 address. */
export const SIDE = 65_536;

/** A block of addresses as the map shows it. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Where the address stands on the Hilbert curve through all IPv4 addresses; neighbours stay neighbours. */
export function placeOf(address: number): { x: number; y: number } {
  let x = 0;
  let y = 0;
  let rest = address;
  for (let side = 1; side < SIDE; side *= 2) {
    const right = Math.floor(rest / 2) % 2;
    const up = (rest % 2) ^ right;
    if (up === 0) {
      if (right === 1) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      [x, y] = [y, x];
    }
    x += side * right;
    y += side * up;
    rest = Math.floor(rest / 4);
  }
  return { x, y };
}

/** The address that stands there. */
export function addressAt(column: number, row: number): number {
  let x = column;
  let y = row;
  let address = 0;
  for (let side = SIDE / 2; side >= 1; side /= 2) {
    const right = x >= side ? 1 : 0;
    const up = y >= side ? 1 : 0;
    address += side * side * ((3 * right) ^ up);
    x -= side * right;
    y -= side * up;
    if (up === 0) {
      if (right === 1) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      [x, y] = [y, x];
    }
  }
  return address;
}

/** The fewest squares that hold the ranges: blocks of an even prefix length are squares, others are two. */
export function squaresOf(ranges: readonly number[]): Square[] {
  const squares: Square[] = [];
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    let first = ranges[i]!;
    const end = ranges[i + 1]! + 1;
    while (first < end) {
      let side = 1;
      while (side < SIDE && first % (side * side * 4) === 0 && first + side * side * 4 <= end) side *= 2;
      const { x, y } = placeOf(first);
      squares.push({ x: x - (x % side), y: y - (y % side), side });
      first += side * side;
    }
  }
  return squares;
}
