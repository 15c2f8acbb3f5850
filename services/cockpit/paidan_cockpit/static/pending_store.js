// What was filled in and is not decided yet, in the browser's database.
const STORE = "actions";
let database;

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const opened = () => {
  if (!database) {
    const request = indexedDB.open("paidan-desk", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    database = settled(request);
  }
  return database;
};

// Resolves once all of it is stored; rejects, for instance where the browser has no room, when nothing is.
const change = async (act) => {
  const transaction = (await opened()).transaction(STORE, "readwrite");
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  try {
    act(transaction.objectStore(STORE));
  } catch (error) {
    transaction.abort();
    done.catch(() => {});
    throw error;
  }
  await done;
};

export const keep = (item) => change((store) => store.put(item));

export const forget = (key) => change((store) => store.delete(key));

// In one transaction: a browser that dies or has no room in between keeps the former.
export const replace = (formerKey, item) =>
  change((store) => {
    if (formerKey !== item.key) store.delete(formerKey);
    store.put(item);
  });

export const keptOf = async (owner) => {
  const store = (await opened()).transaction(STORE, "readonly").objectStore(STORE);
  return (await settled(store.getAll())).filter((each) => each.owner === owner);
};

// Dispatch takes an id once; a changed form needs another one. Not every browser in use has crypto.randomUUID.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
