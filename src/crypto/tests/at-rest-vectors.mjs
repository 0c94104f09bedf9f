// Writes docs/vectors/at-rest.json: `node src/crypto/tests/at-rest-vectors.mjs > docs/vectors/at-rest.json`.
// A second implementation of the formats on another library (OpenSSL, through Node.js), so that the Rust
// code is not only checked against itself. Every key here is made up and used for nothing else.
import { createCipheriv, createHash, createHmac, createPrivateKey, hkdfSync, sign, createPublicKey } from "node:crypto";

const bytes = (first, length) => Buffer.from(Array.from({ length }, (_, i) => (first + i) & 0xff));
const text = (s) => Buffer.from(s, "utf8");
const hex = (b) => Buffer.from(b).toString("hex");
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const i64 = (n) => { const b = Buffer.alloc(8); b.writeBigInt64BE(BigInt(n)); return b; };
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const hkdf = (key, info) => Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), text(info), 32));

function seal(key, keyId, nonce, aad, plaintext) {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([Buffer.from([1]), u32(keyId), nonce, ciphertext, cipher.getAuthTag()]);
}

const root = bytes(0x00, 32);
const purposes = ["column", "index", "ephemeral", "backup"];
const dataKeys = purposes.map((purpose, i) => {
  const [id, code, key, nonce] = [101 + i, i + 1, bytes(0x20 * (i + 1), 32), bytes(0xa0 + i, 12)];
  const wrapped = seal(root, 0, nonce, text(`data_keys.wrapped\0${id}:${code}`), key);
  return { id, purpose, purpose_code: code, key, nonce, wrapped };
});
const [column, index, ephemeral] = dataKeys;

const sealedColumns = [
  ["users", "phone", i64(10000001), text("+79991234567")],
  ["users", "name", i64(10000001), text("Анна-Мария")],
  ["devices", "push_endpoint", bytes(0xf0, 16), Buffer.alloc(0)],
  ["users", "bio", Buffer.alloc(0), bytes(0, 300)],
].map(([table, name, row, plaintext], i) => {
  const nonce = bytes(0x10 + i, 12);
  const aad = Buffer.concat([text(`${table}.${name}\0`), row]);
  const sealed = seal(column.key, column.id, nonce, aad, plaintext);
  return { table, column: name, row: hex(row), nonce: hex(nonce), plaintext: hex(plaintext), sealed: hex(sealed) };
});

const sealedEphemeral = [["presence:0123", text('{"status":"online"}')], ["", Buffer.alloc(0)]].map(([name, plaintext], i) => {
  const nonce = bytes(0x30 + i, 12);
  const sealed = seal(ephemeral.key, ephemeral.id, nonce, text(`ephemeral\0${name}`), plaintext);
  return { name, nonce: hex(nonce), plaintext: hex(plaintext), sealed: hex(sealed) };
});

const blindIndexes = [["users", "phone", "+79991234567"], ["users", "username", "anna_k"], ["users", "username", ""]].map(
  ([table, name, normalized]) => {
    const mac = hmac(hkdf(index.key, `${table}.${name}`), text(normalized));
    return { table, column: name, normalized, index: hex(Buffer.concat([u32(index.id), mac])) };
  });

const ephemeralNames = [["limit", text("+79991234567")], ["presence", i64(10000001)]].map(([kind, identifying]) => {
  const length = i64(text(kind).length);
  const mac = hmac(hkdf(ephemeral.key, "name"), length, text(kind), identifying);
  return { kind, identifying: hex(identifying), name: `${kind}:${hex(mac.subarray(0, 16))}` };
});

const pseudonyms = ["10000001", ""].map((identifying) => ({
  identifying,
  pseudonym: hex(hmac(hkdf(index.key, "pseudonym"), text(identifying)).subarray(0, 6)),
}));

const tokens = ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", ""].map((token) => ({
  token, hash: hex(sha256(text("melo-token/1\n"), text(token))),
}));

const appSecret = "an application secret of 40 characters..";
const csrf = [["0123456789abcdef", 1800000000123], ["7fffffffffffffff", 1]].map(([session, expiresMs]) => {
  const expiry = i64(expiresMs);
  const mac = hmac(hkdf(text(appSecret), "csrf"), text("csrf"), Buffer.from(session, "hex"), expiry);
  return { session, expires_ms: expiresMs, token: Buffer.concat([expiry, mac]).toString("base64url") };
});

// PKCS#8 of an Ed25519 seed (RFC 8410, section 7).
const ed25519 = (seed) => createPrivateKey({
  key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]), format: "der", type: "pkcs8",
});
const publicOf = (key) => createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
const identity = ed25519(bytes(0x40, 32));
const signingKey = publicOf(ed25519(bytes(0x60, 32)));
const encryptionKey = Buffer.from(
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmuO6uthdIYwfEUiNnHzxrM53EhAfCwJR+vZLsqTQkpqXIKJhLAIHKOCSIGl7" +
  "AH7aHoxIHgKpcTCYJ/QJDbmIuKF1xBI7FLhYL7BfK+zBHjZzHDPnIAeuCi6PqncFfMwbDhmdt/Uyg5wQiWS66paeV9dYDl5ifYYN1EGr" +
  "JsPvCxVjZTS4FQmG4MrzldP7zblUwCRtkQ4h96O04r6e7n/V45PU+OyALBJAb5MhVXa+uIiHMoZg7XL/ZZhxFcM2V+//xHrr3akVVPoh" +
  "3OuXxpxrBfl3mAjGsxrkS2yVKQS//VCcP3b8SKogLGJB+7SW5b8N8LJTCfZmGg7PWsax86oNvQIDAQAB", "base64");
const [uid, device] = ["10000001", "0123456789abcdef"];
const statement = Buffer.concat([text(`melo-device/1\n${uid}\n${device}\n`), sha256(encryptionKey), signingKey]);

const vectors = {
  about: "Known answers for what the server keeps at rest; docs/CRYPTO.md describes the formats. Binary values are hex unless " +
    "said otherwise. HKDF and HMAC are with SHA-256, HKDF without salt. Made by src/crypto/tests/at-rest-vectors.mjs.",
  root_key_base64url: root.toString("base64url") + "=",
  data_keys: dataKeys.map((k) => ({ ...k, key: hex(k.key), nonce: hex(k.nonce), wrapped: hex(k.wrapped) })),
  sealed_columns: sealedColumns,
  sealed_ephemeral: sealedEphemeral,
  blind_indexes: blindIndexes,
  ephemeral_names: ephemeralNames,
  pseudonyms,
  token_hashes: tokens,
  csrf: { app_secret: appSecret, tokens: csrf },
  // From a third implementation (OpenSSL's Argon2id), as this one has none.
  password: {
    pepper: "a pepper of 32 characters or so.",
    password: "correct horse battery staple – ж",
    stored: "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$+4tAx+ZAWlfSWtegRl+oDev8XGLKdfjqu50p6k5wq8Y",
  },
  device: {
    uid, device, kid: hex(sha256(encryptionKey).subarray(0, 16)), encryption_key: hex(encryptionKey), signing_key: hex(signingKey),
    identity_seed: hex(bytes(0x40, 32)), identity_key: hex(publicOf(identity)), statement: hex(statement),
    signature: hex(sign(null, statement, identity)),
  },
};
console.log(JSON.stringify(vectors, null, 2));
