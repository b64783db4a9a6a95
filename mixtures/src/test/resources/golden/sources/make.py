"""Pictures, the COCO folder, VQA and Open Images files, and what goes into shards and tables."""
import json, os, random, sys
from PIL import Image, ImageDraw

out = sys.argv[1]
random.seed(1)
os.makedirs(f"{out}/coco/images", exist_ok=True)
os.makedirs(f"{out}/shard", exist_ok=True)
names = ["red", "green", "blue", "grey"]
colours = [(200, 30, 30), (30, 180, 40), (40, 40, 210), (128, 128, 128)]
images, captions, instances, questions, answers, boxes, labels, table = [], [], [], [], [], [], [], []
for i in range(12):
    picture = Image.new("RGB", (32, 24), (240, 240, 230))
    x, y, w, h = 2 + i, 3 + i % 5, 8 + i % 4, 6 + i % 7
    ImageDraw.Draw(picture).rectangle([x, y, x + w - 1, y + h - 1], fill=colours[i % 4])
    file = f"{i + 1:012d}.jpg"
    picture.save(f"{out}/coco/images/{file}", quality=85)
    images.append({"license": 1, "file_name": file, "height": 24, "width": 32, "id": i + 1})
    if i != 11:  # one image without annotations
        for text in (f"a {names[i % 4]} box", f"picture of a {names[i % 4]} rectangle"):
            captions.append({"image_id": i + 1, "id": 100 + len(captions), "caption": text})
        corners = [x, y, x + w, y, x + w, y + h, x, y + h]
        instances.append({"id": 200 + len(instances), "image_id": i + 1, "category_id": 1 + 2 * (i % 4),
                          "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, "segmentation": [corners]})
    if i == 2:
        instances.append({"id": 299, "image_id": 3, "category_id": 7, "bbox": [0, 0, 40, 24], "area": 9,
                          "iscrowd": 1, "segmentation": {"counts": [0, 768], "size": [24, 32]}})
    question = f"what colour is the box? ({i})"
    questions.append({"image_id": i + 1, "question": question, "question_id": 1000 + i})
    answers.append({"question_type": "what", "multiple_choice_answer": names[i % 4], "image_id": i + 1,
                    "answers": [{"answer": names[i % 4], "answer_confidence": "yes", "answer_id": k + 1}
                                for k in range(10)], "answer_type": "other", "question_id": 1000 + i})
    boxes.append(f"{i + 1:012d},xclick,/m/0{i % 4},1,{x / 32:.6f},{(x + w) / 32:.6f},{y / 24:.6f},{(y + h) / 24:.6f},0,0,{int(i == 3)},0,0")
    labels.append(f"{i + 1:012d},verification,/m/0{(i + 1) % 4},0")
    labels.append(f"{i + 1:012d},verification,/m/0{i % 4},1")
    folder = "a-rather-long-folder-name-" * 5 if i == 5 else "part"
    os.makedirs(f"{out}/shard/{folder}", exist_ok=True)
    picture.save(f"{out}/shard/{folder}/{i:04d}.png" if i % 2 else f"{out}/shard/{folder}/{i:04d}.jpg")
    with open(f"{out}/shard/{folder}/{i:04d}.json", "w") as f:
        json.dump({"prefix": "caption en", "suffix": f"a {names[i % 4]} box", "number": i}, f)
    with open(f"{out}/shard/{folder}/{i:04d}.txt", "w") as f:
        f.write(f"a {names[i % 4]} bôx")
    with open(f"{out}/shard/{folder}/{i:04d}.cls", "w") as f:
        f.write(str(i % 4))
    table.append({"file": f"coco/images/{file}", "prefix": "answer en what colour?",
                  "suffix": [names[i % 4], f"{names[i % 4]} colour"], "number": i, "score": None if i == 4 else i / 8})
random.shuffle(instances)
categories = [{"supercategory": "box", "id": 1 + 2 * k, "name": n} for k, n in enumerate(names)]
json.dump({"info": {"year": 2017}, "licenses": [], "images": images, "annotations": captions}, open(f"{out}/coco/captions.json", "w"))
json.dump({"annotations": instances, "categories": categories, "images": images}, open(f"{out}/coco/instances.json", "w"), indent=1)
json.dump({"data_subtype": "train2017", "questions": questions}, open(f"{out}/coco/questions.json", "w"))
json.dump({"data_subtype": "train2017", "annotations": answers[::-1]}, open(f"{out}/coco/annotations.json", "w"))
header = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
open(f"{out}/coco/boxes.csv", "w").write("\n".join([header] + boxes) + "\n")
open(f"{out}/coco/labels.csv", "w").write("\n".join(["ImageID,Source,LabelName,Confidence"] + labels) + "\n")
open(f"{out}/coco/classes.csv", "w").write("".join(f'/m/0{k},"{n}"\n' for k, n in enumerate(names)))
json.dump(table, open(f"{out}/table.json", "w"))
