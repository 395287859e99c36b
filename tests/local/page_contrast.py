"""The contrast of every text that a page shows, worked out in the browser."""

CONTRASTS = """
() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = color;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (above, below) => {
        const share = above[3];
        const mixed = [0, 1, 2].map((part) => above[part] * share + below[part] * (1 - share));
        return [...mixed, 1];
    };
    const luminance = (color) => {
        const [r, g, b] = color.slice(0, 3).map((part) => {
            const share = part / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) {
            layers.push(rgba(getComputedStyle(at).backgroundColor));
            if (layers.at(-1)[3] === 1) break;
        }
        return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility() || element.closest("noscript")) continue;
        const style = getComputedStyle(element);
        const isSvg = element instanceof SVGElement;
        const under = background(isSvg ? element.closest("svg").parentElement : element);
        const color = over(rgba(isSvg ? style.fill : style.color), under);
        const [dark, light] = [luminance(color), luminance(under)].sort((a, b) => a - b);
        const contrast = Math.round(((light + 0.05) / (dark + 0.05)) * 100) / 100;
        found.push([contrast, element.textContent.slice(0, 40)]);
    }
    return found;
}
"""
"""Evaluates to `[contrast, text]` for each element with text of its own."""
