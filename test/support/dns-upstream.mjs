// A name server for tests: answers A and AAAA over UDP from the zone given as JSON,
// { name: { a, aaaa } or { cname } }. Ends when its standard input closes, or after five minutes.
import { createSocket } from 'node:dgram';
import { SocketAddress } from 'node:net';

const [port, json] = process.argv.slice(2);
const zone = JSON.parse(json);
const TYPES = { 1: 'a', 28: 'aaaa' };

const encodeName = (name) =>
  Buffer.concat([
    ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ]);

function encodeAddress(text) {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const [head, tail = ''] = address.split('::');
  const [before, after] = [head, tail].map((part) => part.split(':').filter((word) => word !== ''));
  const words = [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  return Buffer.from(
    words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]),
  );
}

function record(owner, type, data) {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(300, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(owner), fixed, data]);
}

function answers(name, type) {
  const entry = zone[name.toLowerCase()];
  if (entry === undefined) return [];
  if (entry.cname !== undefined)
    return [record(name, 5, encodeName(entry.cname)), ...answers(entry.cname, type)];
  const address = entry[TYPES[type]];
  return address === undefined ? [] : [record(name, type, encodeAddress(address))];
}

const socket = createSocket('udp4');
socket.on('message', (query, { address, port: from }) => {
  const labels = [];
  let offset = 12;
  while (query[offset] > 0) {
    labels.push(query.subarray(offset + 1, offset + 1 + query[offset]).toString());
    offset += 1 + query[offset];
  }
  const type = query.readUInt16BE(offset + 1);
  const found = answers(labels.join('.'), type);
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found.length, 6);
  socket.send(Buffer.concat([header, query.subarray(12, offset + 5), ...found]), from, address);
});
socket.bind(Number(port), () => process.stdout.write('listening\n'));
process.stdin.resume().on('end', () => process.exit(0));
setTimeout(() => process.exit(1), 300_000);
