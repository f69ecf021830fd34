// The model that a person chose stays chosen on the other pages, for as long as the tab is open: the links there name it.
const KEY = "models";
const models = JSON.parse(sessionStorage.getItem(KEY) ?? "{}"); // by what they take: the last one of "table", "pictures", "any"
const select = document.querySelector("#model");

if (select && new URLSearchParams(location.search).has("model")) {
  models[select.dataset.takes] = models.any = select.value;
  sessionStorage.setItem(KEY, JSON.stringify(models));
}
for (const link of document.querySelectorAll("a[data-takes]")) {
  const name = models[link.dataset.takes];
  if (name) link.search = new URLSearchParams({ model: name });
}
