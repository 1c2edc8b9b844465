# The way through the demo, read by window.sh, which has `shot`, `key`, `click` and `await`.
shot 1-first-start

# The demo, by the palette: model and examples are loaded, and the window goes on to Train.
key ctrl+p
xdotool type --delay 30 "two-minute demo"
sleep 0.5
key Return
await 60 "the unpacked demo" test -s "$XDG_DATA_HOME/hydra-studio/demo/examples.jsonl"
sleep 6
key ctrl+1
shot 2-model
key ctrl+2
shot 3-data
key ctrl+3
shot 4-train

# Start training, and stop once a checkpoint is there. The button's height on the page follows from the words above it.
run_started() { find "$home" -name run.json | grep -q .; }
for y in 507 515 500 523 492 531 484; do
    click 290 "$y"
    sleep 1.5
    if run_started; then break; fi
done
await 30 "the run" run_started
sleep 8
shot 5-training
checkpoint_written() { find "$home" -path '*checkpoint-*' -name trainer_state.json | grep -q .; }
await 180 "a checkpoint" checkpoint_written
key ctrl+shift+s
sleep 4
shot 6-trained

# The routing of a prompt.
key ctrl+4
click 700 207
xdotool type --delay 30 "What kind of thing is a rabbit?"
click 265 253
sleep 2
shot 7-routing

# The adapter as a folder.
key ctrl+5
exported() { find "$home" -path '*adapters*' -name adapter_model.safetensors | grep -q .; }
for y in 473 481 465 489 457; do
    click 340 "$y"
    sleep 1
    if exported; then break; fi
done
await 30 "the exported adapter" exported
shot 8-export

# Every page once more in the light theme.
key ctrl+p
xdotool type --delay 30 "light theme"
sleep 0.5
key Return
page=0
for name in model data train routing export; do
    page=$((page + 1))
    key "ctrl+$page"
    shot "light-$page-$name"
done
