/**
 * What can be told of a page by looking at it, of what WCAG 2.2 AA asks for. Runs within the page: it returns a complaint for each
 * thing that is wrong.
 */
export function complaintsOfPage() {
  const complaints = [];
  const say = (element, what) => complaints.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Language, title, landmarks, headings (1.3.1, 2.4.2, 3.1.1).
  if (!document.documentElement.lang) complaints.push('no language');
  if (!document.title.trim()) complaints.push('no title');
  if (all('main').length !== 1) complaints.push(`${all('main').length} mains`);
  if (all('h1').length !== 1) complaints.push(`${all('h1').length} first headings`);
  let level = 0;
  for (const heading of all('h1, h2, h3, h4, h5, h6')) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say(heading, 'a level of headings is left out');
    if (!heading.textContent.trim()) say(heading, 'an empty heading');
    level = own;
  }

  // Names (1.1.1, 2.4.4, 4.1.2).
  const nameOf = (element) => {
    const ids = (element.getAttribute('aria-labelledby') ?? '').split(/\s+/).filter(Boolean);
    const labels = ids.map((id) => document.getElementById(id)?.textContent ?? '');
    return [element.getAttribute('aria-label') ?? '', ...labels, ...[...(element.labels ?? [])].map((it) => it.textContent)].join('').trim();
  };
  for (const field of all('input:not([type=hidden]), select, textarea, progress')) if (!nameOf(field)) say(field, 'a field without a label');
  for (const it of all('a, button, summary')) if (!it.textContent.trim() && !nameOf(it)) say(it, 'nothing says what it does');
  for (const image of all('img')) if (!image.hasAttribute('alt')) say(image, 'an image without words');
  for (const image of all('svg')) if (!image.closest('[aria-hidden=true]') && !nameOf(image)) say(image, 'a drawing without words');
  for (const region of all('nav, section, form[role=search]')) if (!nameOf(region)) say(region, 'a region without a name');
  for (const table of all('table')) {
    if (!table.caption?.textContent.trim()) say(table, 'a table without a caption');
    for (const cell of table.querySelectorAll('th')) if (!cell.scope) say(cell, 'a heading of a table without a scope');
    for (const row of table.tBodies[0]?.rows ?? []) if (!row.querySelector('th[scope=row]')) say(row, 'a row without a heading');
  }

  // Ids and what refers to them (4.1.2).
  const ids = all('[id]').map((it) => it.id);
  for (const id of ids) if (ids.filter((it) => it === id).length > 1) complaints.push(`two elements are called ${id}`);
  for (const name of ['aria-labelledby', 'aria-describedby', 'for', 'list']) {
    for (const it of all(`[${name}]`)) {
      for (const id of it.getAttribute(name).split(/\s+/)) if (!document.getElementById(id)) say(it, `${name} refers to nothing`);
    }
  }

  // What is pressed is large enough (2.5.8); links in a text are as large as the text.
  for (const it of all('button, a.button, nav[aria-label=Pages] a, input:not([type=hidden]), select, summary').filter(isSeen)) {
    const { width, height } = it.getBoundingClientRect();
    if (width < 24 || height < 24) say(it, `only ${width} × ${height}`);
  }

  // Contrast (1.4.3).
  const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const behind = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = rgba(getComputedStyle(it).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return rgba('Canvas');
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((it) => it / 255).map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !isSeen(element) || element.closest('.hidden, script, datalist')) continue;
    const style = getComputedStyle(element);
    const [one, other] = [luminance(rgba(style.color)), luminance(behind(element))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < (isLarge ? 3 : 4.5)) say(element, `a contrast of ${contrast.toFixed(2)}`);
  }

  // No scrolling in two directions (1.4.10).
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) {
    const wide = all('body *').filter((it) => isSeen(it) && it.getBoundingClientRect().right > clientWidth + 1 && !it.closest('.hidden'));
    complaints.push(`${scrollWidth - clientWidth} px too wide`);
    for (const it of wide.slice(0, 3)) say(it, 'sticks out');
  }
  return complaints;
}
