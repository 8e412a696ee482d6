/**
 * Where the halves of a 64-bit element stand when its array is seen as 32-bit numbers: on little-endian
 * machines, which nearly all are, the high half comes second.
 */
export const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
export const LOW = 1 - HIGH;
