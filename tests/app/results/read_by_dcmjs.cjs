// Prints what dcmjs reads of a SEG and an SR as JSON: node read_by_dcmjs.cjs DCMJS SEG SR
const [dcmjs, seg, sr] = [require(process.argv[2]), ...process.argv.slice(3).map(read)];

function read(path) {
  const bytes = new Uint8Array(require("fs").readFileSync(path));
  const { DicomMessage, DicomMetaDictionary } = require(process.argv[2]).data;
  return DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(bytes.buffer).dict);
}

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const meaning = (item) => list(item.ConceptNameCodeSequence)[0].CodeMeaning;
const packed = new Uint8Array(list(seg.PixelData)[0]);
const bits = dcmjs.data.BitArray.unpack(packed);
const size = seg.Rows * seg.Columns;
const pixels = (frame) => bits.subarray(frame * size, (frame + 1) * size).reduce((sum, bit) => sum + (bit ? 1 : 0), 0);
const frames = list(seg.PerFrameFunctionalGroupsSequence).map((group, frame) => [
  list(group.SegmentIdentificationSequence)[0].ReferencedSegmentNumber, pixels(frame)]);
const measured = list(list(sr.ContentSequence).find((item) => meaning(item) === "Imaging Measurements").ContentSequence);
const group = ({ ContentSequence: items }) => ({
  uid: list(items).find(({ ValueType: type }) => type === "UIDREF").UID,
  ...Object.fromEntries(list(items).filter(({ ValueType: type }) => type === "NUM").map((item) =>
    [meaning(item), Number(list(item.MeasuredValueSequence)[0].NumericValue)])),
});
console.log(JSON.stringify({
  segments: list(seg.SegmentSequence).map((one) => [one.SegmentNumber, one.SegmentLabel, one.TrackingUID]),
  frames,
  groups: measured.map(group),
}));
